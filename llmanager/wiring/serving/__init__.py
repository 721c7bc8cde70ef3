"""What every platform serves with: routes to models, chats, embedding, jobs, and the threads they wait in."""
