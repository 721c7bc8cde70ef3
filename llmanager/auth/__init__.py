"""Who may do what: API keys and their scopes.

Here: making, finding, revoking and rotating keys; only their hashes are kept.
Not here: HTTP headers (api, gateway), databases (adapters).
"""
