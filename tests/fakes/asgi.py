"""Calls an ASGI app as a server would, and shows each of its sends."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Reply:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    parts: list[bytes] = field(default_factory=list)
    is_ended: bool = False
    _sent: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, part: bytes) -> None:
        self.parts.append(part)
        self._sent.set()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Waits, for 5 s at most, until what was sent so far fulfils the condition."""
        async with asyncio.timeout(5):
            while not is_so():
                self._sent.clear()
                await self._sent.wait()

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


class Client:
    """One request. `gone` may be set at any time: then the app is told that the client disconnected."""

    def __init__(self, app: Any, *, authorization: str | None = "Bearer acme") -> None:
        self.app = app
        self.authorization = authorization

    async def post(self, path: str, body: Any, **more: Any) -> Reply:
        return await self.call("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode(), **more)

    async def get(self, path: str, **more: Any) -> Reply:
        return await self.call("GET", path, b"", **more)

    async def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: dict[str, str] | None = None,
        gone: asyncio.Event | None = None,
        reply: Reply | None = None,
        pieces: int = 1,
    ) -> Reply:
        reply = reply or Reply()
        gone = gone or asyncio.Event()
        sent = {"authorization": self.authorization} if self.authorization else {}
        pairs = [(name.encode(), value.encode()) for name, value in (sent | (headers or {})).items()]
        scope = {"type": "http", "method": method, "path": path, "headers": pairs}
        size = -(-len(body) // pieces) or 1
        waiting = [body[i : i + size] for i in range(0, len(body), size)] or [b""]

        async def receive() -> dict[str, Any]:
            if waiting:
                part = waiting.pop(0)
                return {"type": "http.request", "body": part, "more_body": bool(waiting)}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            assert not reply.is_ended, "sent after the end"
            if message["type"] == "http.response.start":
                assert not reply.status, "started twice"
                reply.status = message["status"]
                reply.headers = {name.decode(): value.decode() for name, value in message["headers"]}
                return
            assert reply.status, "a body before the start"
            if message["body"]:
                reply.take(message["body"])
            reply.is_ended = not message.get("more_body", False)

        await self.app(scope, receive, send)
        return reply
