"""Writes one HTTP response to ASGI: whole, or a stream of events whose failure is its last event."""

import math

from llmanager.gateway import sse
from llmanager.gateway.asgi import Send
from llmanager.gateway.ports import RenderError
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import LLManagerError

_STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx and its like would otherwise hold events back
]


class Answer:
    def __init__(self, send: Send, render: RenderError, clock: Clock) -> None:
        self._send = send
        self._render = render
        self._clock = clock
        self._last_sent_s = 0.0
        self.status: int | None = None  # None: nothing was sent
        self.first_byte_at_s: float | None = None  # of content; heartbeats are none
        self.is_complete = False
        self.note = "waiting"  # what a heartbeat says

    @property
    def is_open(self) -> bool:
        return self.status is not None and not self.is_complete

    async def open_stream(self) -> None:
        if self.status is None:
            await self._start(200, _STREAM_HEADERS)

    async def events(self, data: bytes) -> None:
        """`data` is whole events only: that is what keeps events and UTF-8 characters in one piece."""
        await self.open_stream()
        self._mark_first_byte()
        await self._body(data)

    async def beat(self, every_s: float) -> None:
        """A comment, if the stream is open and was silent for that long."""
        if self.is_open and self._clock.monotonic_s() - self._last_sent_s >= every_s:
            await self._body(sse.comment(self.note))

    async def close_stream(self) -> None:
        self.is_complete = True
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def whole(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.is_complete = True
        self._mark_first_byte()
        await self._start(status, headers)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def json(self, body: bytes) -> None:
        length = str(len(body)).encode()
        await self.whole(200, [(b"content-type", b"application/json"), (b"content-length", length)], body)

    async def fail(self, error: LLManagerError) -> None:
        """With its status, or, in a stream that is under way, as an event after which nothing comes (no [DONE])."""
        rendered = self._render(error)
        if self.status is None:
            await self.whole(rendered.status, list(rendered.headers), rendered.body)
        elif not self.is_complete:
            await self._body(sse.event(rendered.body))
            await self.close_stream()

    def _mark_first_byte(self) -> None:
        if self.first_byte_at_s is None:
            self.first_byte_at_s = self._clock.monotonic_s()

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        self._last_sent_s = self._clock.monotonic_s()
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def _body(self, data: bytes) -> None:
        self._last_sent_s = math.inf  # nothing is silent while a send is under way: a beat must not come between
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        self._last_sent_s = self._clock.monotonic_s()
