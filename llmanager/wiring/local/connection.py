"""A client's connection as uvicorn serves it, with what uvicorn leaves out: our words for what is no HTTP, and an end
to waiting for a request that never comes."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from llmanager.api.errors import BadRequest, render
from llmanager.kernel.ids import random_id

HEAD_S = 30.0  # from a connection's opening, or a request's first byte, to the end of that request's headers


class Connection(HttpToolsProtocol):
    """Between requests uvicorn's own keep-alive time counts; a body's time is the front's affair."""

    _head_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_is_here()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._head_is_here()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Told apart from uvicorn's by its shape: one like that of every other refusal."""
        rendered = render(BadRequest("This is no valid HTTP/1.1 request. Check its first line and its headers."))
        headers: list[tuple[bytes, bytes]] = [
            *self.server_state.default_headers,
            *rendered.headers,
            (b"connection", b"close"),
            (b"x-request-id", random_id().encode()),
        ]
        head = b"".join(b"%b: %b\r\n" % header for header in headers)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head + b"\r\n" + rendered.body)
        self.transport.close()

    def _await_head(self) -> None:
        self._head_due = self.loop.call_later(HEAD_S, self._give_up)

    def _head_is_here(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None

    def _give_up(self) -> None:
        """Without a word: whoever asked nothing awaits no answer."""
        self.transport.close()
