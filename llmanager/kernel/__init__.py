"""What two capabilities share: identity, time, errors, pages, rows and their bodies, the ports Table and Blobs.

Here: small frozen types, Protocols and functions over them; beside the standard library msgspec alone (bodies.py).
Not here: I/O, HTTP, anything of one capability.
"""
