"""A model's server on a loopback port that does what a test scripts: right, late, broken or hostile.

async def script(call: Call) -> None:
    await call.start_stream()
    await call.event(chunk("Hello"))
    await call.client_left.wait()

async with UpstreamServer(script) as server: ...
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from llmanager.gateway.ports import Upstream


def chunk(text: str | None, *, model: str = "m", finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One event of a chat stream, members in llama.cpp's order."""
    delta = {} if text is None else {"content": text}
    choice = {"finish_reason": finish, "index": 0, "delta": delta}
    return {"choices": [choice], "created": 1, "id": "c1", "model": model, "object": "chat.completion.chunk", **more}


def usage_chunk(prompt: int = 3, completion: int = 2, *, model: str = "m") -> dict[str, Any]:
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return {"choices": [], "created": 1, "id": "c1", "model": model, "object": "chat.completion.chunk", "usage": counts}


def completion(text: str, *, model: str = "m", prompt: int = 3, completed: int = 2) -> dict[str, Any]:
    return {
        "choices": [{"finish_reason": "stop", "index": 0, "message": {"role": "assistant", "content": text}}],
        "model": model,
        "object": "chat.completion",
        "usage": {"prompt_tokens": prompt, "completion_tokens": completed, "total_tokens": prompt + completed},
    }


def encoded(event: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


class Call:
    """One request at the server."""

    def __init__(self, path: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        self.path = path
        self.headers = headers
        self.body = body
        self.client_left = asyncio.Event()
        self.is_closing = False  # the connection is of no use after this call
        self._writer = writer
        self._is_chunked = False

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    async def raw(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self, status: int, body: bytes | dict[str, Any], **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} Status", "content-type: application/json", f"content-length: {len(data)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.raw("\r\n".join([*lines, "", ""]).encode() + data)

    async def start_stream(self) -> None:
        self._is_chunked = True
        await self.raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")

    async def send(self, data: bytes) -> None:
        await self.raw(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def event(self, event: dict[str, Any]) -> None:
        await self.send(encoded(event))

    async def done(self) -> None:
        await self.send(b"data: [DONE]\n\n")

    async def end(self) -> None:
        await self.raw(b"0\r\n\r\n")

    async def break_off(self) -> None:
        self.is_closing = True
        self._writer.transport.abort()


async def begin(call: Call, *events: bytes) -> None:
    """The start of a stream: how it goes on is the test's."""
    await call.start_stream()
    for event in events:
        await call.send(event)


Script = Callable[[Call], Awaitable[None]]


async def speak(call: Call, *texts: str, model: str = "m") -> None:
    """A well-behaved answer to whatever was asked."""
    if not call.json.get("stream"):
        await call.answer(200, completion("".join(texts), model=model))
        return
    await call.start_stream()
    for text in texts:
        await call.event(chunk(text, model=model))
    await call.event(chunk(None, finish="stop", model=model))
    if (call.json.get("stream_options") or {}).get("include_usage"):
        await call.event(usage_chunk(model=model))
    await call.done()
    await call.end()


class UpstreamServer:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.calls: list[Call] = []
        self.connections = 0
        self.busy = 0  # calls that are being served
        self.called = asyncio.Event()  # set by the first call
        self.idle = asyncio.Event()  # set while none is
        self.idle.set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def upstream(self, id_: str = "r0", **more: Any) -> Upstream:
        return Upstream(id=id_, base_url=f"http://127.0.0.1:{self.port}", **more)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._one(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        start, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        call = Call(start.split(" ")[1], headers, body, writer)
        self.calls.append(call)
        self.called.set()
        watching = asyncio.create_task(self._watch(reader, call))
        self.busy += 1
        self.idle.clear()
        try:
            await self.script(call)
        finally:
            self.busy -= 1
            if not self.busy:
                self.idle.set()
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        return not (call.is_closing or call.client_left.is_set())

    async def _watch(self, reader: asyncio.StreamReader, call: Call) -> None:
        """Between a request and its answer nothing is sent to us: bytes cannot come, only the end."""
        with suppress(ConnectionError):
            await reader.read(1)
        call.client_left.set()
