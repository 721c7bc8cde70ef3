"""Servers that run elsewhere and speak OpenAI's HTTP API, and the HTTP client that reaches any upstream."""
