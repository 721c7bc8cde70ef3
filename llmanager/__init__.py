"""LLManager: creates, scales to zero, queries and reaps what an LLM application needs."""
