"""Chats and their messages.

Here: what a chat is, who may see it, how a turn is appended without losing one.
Not here: HTTP shapes (wire), prompts and retrieval (chat), databases (adapters).
"""
