"""The JSON of our own routes: request and response shapes, one file a noun. Strict: unknown fields are refused."""
