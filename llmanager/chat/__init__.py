"""One-call RAG chat: retrieve, remember, ask, append. Reaches the other capabilities through its own ports only."""
