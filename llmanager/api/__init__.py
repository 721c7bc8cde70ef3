"""HTTP: the ASGI app, its routes by noun, and the one table from errors to statuses."""
