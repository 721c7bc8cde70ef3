"""One request to an ASGI app in this process, with every byte of it under the test's control."""

import asyncio
from dataclasses import dataclass, field


@dataclass
class Answer:
    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    is_complete: bool = False


def call(app, method, path, headers=(("host", "localhost"),), body=b""):
    """`status, headers, body = call(...)`. A list of chunks as body is sent chunk by chunk; then the client waits."""
    answer = asyncio.run(acall(app, method, path, headers, body))
    return answer.status, dict(answer.headers), answer.body


async def acall(app, method, path, headers=(("host", "localhost"),), body=b""):
    pairs = headers.items() if isinstance(headers, dict) else headers
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(_bytes(name).lower(), _bytes(value)) for name, value in pairs],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8080),
    }
    chunks = [body] if isinstance(body, bytes) else list(body)
    answer = Answer()

    async def receive():
        if not chunks:
            await asyncio.Event().wait()  # the client listens on until the answer is over
        chunk = chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    async def send(message):
        if message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], list(message.get("headers", []))
        else:
            answer.body += message.get("body", b"")
            answer.is_complete = not message.get("more_body", False)

    await app(scope, receive, send)
    return answer


def _bytes(text):
    return text if isinstance(text, bytes) else text.encode("latin-1")
