"""One-call RAG chat: retrieve, remember, ask, append. Reaches the other capabilities through its own ports only.

Here: the one prompt (docs/prompt.md), what of passages and turns fits into it, the order of things.
Not here: HTTP shapes (wire), search (vdb), kept messages (history), the way to a model (gateway).
"""
