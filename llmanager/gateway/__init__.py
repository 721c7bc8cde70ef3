"""The data path: from a request on /v1 to a replica's server and back, with as little in between as possible.

Here: one raw ASGI callable, decoding of the request's head, the hold while a model wakes, the relay, limits.
Not here: FastAPI, pydantic, the registry (a Directory port), an HTTP client (an Upstreams port).
"""
