"""Calls an ASGI app as a server would, and shows each of its sends.

`exchange` is one request with every byte and moment in the test's hands, `call` the same from a test that is not
async, `Client` a caller with a key.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Pairs = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]


@dataclass
class Reply:
    status: int = 0
    pairs: list[tuple[bytes, bytes]] = field(default_factory=list)  # headers as sent, repeated ones too
    parts: list[bytes] = field(default_factory=list)
    is_ended: bool = False
    _sent: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: dict[str, Any]) -> None:
        """What the app is given. Fails where it breaks ASGI's order."""
        assert not self.is_ended, "sent after the end"
        if message["type"] == "http.response.start":
            assert not self.status, "started twice"
            self.status, self.pairs = message["status"], list(message.get("headers", ()))
            return
        assert self.status, "a body before the start"
        if part := message.get("body", b""):
            self.parts.append(part)
            self._sent.set()
        self.is_ended = not message.get("more_body", False)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Waits, for 5 s at most, until what was sent so far fulfils the condition."""
        async with asyncio.timeout(5):
            while not is_so():
                self._sent.clear()
                await self._sent.wait()

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.pairs}

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]

    @property
    def events(self) -> list[Any]:
        """The data of each event: JSON decoded, "[DONE]" as text. Comments are left out."""
        texts = [block[6:] for block in self.body.decode().split("\n\n") if block.startswith("data: ")]
        return [text if text == "[DONE]" else json.loads(text) for text in texts]

    @property
    def comments(self) -> list[str]:
        return [block for block in self.body.decode().split("\n\n") if block.startswith(":")]

    @property
    def text(self) -> str:
        """What the events' deltas say together."""
        choices = [event["choices"][0] for event in self.events if event != "[DONE]" and event.get("choices")]
        return "".join(choice["delta"].get("content", "") for choice in choices)


async def exchange(
    app: Any,
    method: str,
    path: str,
    headers: Pairs = (("host", "localhost"),),
    body: bytes | Sequence[bytes] = b"",
    *,
    gone: asyncio.Event | None = None,
    reply: Reply | None = None,
) -> Reply:
    """One request. A sequence is sent chunk by chunk; then the client listens until `gone` is set, if ever."""
    reply, gone = reply or Reply(), gone or asyncio.Event()
    chunks = [body] if isinstance(body, bytes) else list(body)

    async def receive() -> dict[str, Any]:
        if chunks:
            chunk = chunks.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}
        await gone.wait()
        return {"type": "http.disconnect"}

    await app(_scope(method, path, headers), receive, reply.send)
    return reply


def call(
    app: Any, method: str, path: str, headers: Pairs = (("host", "localhost"),), body: bytes | Sequence[bytes] = b""
) -> tuple[int, dict[bytes, bytes], bytes]:
    """`status, headers, body = call(...)`"""
    reply = asyncio.run(exchange(app, method, path, headers, body))
    return reply.status, dict(reply.pairs), reply.body


class Client:
    """Requests of one caller."""

    def __init__(self, app: Any, *, authorization: str | None = "Bearer acme") -> None:
        self.app = app
        self.authorization = authorization

    async def post(self, path: str, body: Any, **more: Any) -> Reply:
        return await self.call("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode(), **more)

    async def get(self, path: str, **more: Any) -> Reply:
        return await self.call("GET", path, **more)

    async def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: dict[str, str] | None = None,
        pieces: int = 1,
        **more: Any,
    ) -> Reply:
        """The body is sent in so many `pieces`; `more` is for `exchange`."""
        key = {"authorization": self.authorization} if self.authorization else {}
        size = -(-len(body) // pieces) or 1
        chunks = [body[i : i + size] for i in range(0, len(body), size)] or [b""]
        return await exchange(self.app, method, path, key | (headers or {}), chunks, **more)


def _scope(method: str, path: str, headers: Pairs) -> dict[str, Any]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    path, _, query = path.partition("?")
    return {
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


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")
