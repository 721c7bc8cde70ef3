"""An answer in time: whoever stands before this server gives a request so long, and then answers in its own words."""

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from llmanager.api.errors import render
from llmanager.gateway import sse
from llmanager.kernel.errors import Unavailable


class AnswerTooSlow(Unavailable):
    code = "answer_too_slow"

    def __init__(self, limit_s: float) -> None:
        super().__init__(
            f"There was no answer within {limit_s:g} s, which is as long as a request may take here. What a model "
            "wakes for goes on: ask again; or ask for less, or with 'stream'.",
            retry_after_s=5,
        )


class Within:
    """Ends a request after `limit_s`: with an error, or, in a stream of events, with an error as its last event.

    `began` is told of each request.
    """

    def __init__(self, app: ASGIApp, limit_s: float, began: Callable[[], None] = lambda: None) -> None:
        self._app, self._limit_s, self._began = app, limit_s, began

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._began()
        answer = _Begun(send)
        try:
            async with asyncio.timeout(self._limit_s) as limit:
                await self._app(scope, receive, answer.send)
        except TimeoutError:
            if not limit.expired():
                raise
            await answer.end(AnswerTooSlow(self._limit_s))


class _Begun:
    """What was sent of an answer so far."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._status: int | None = None
        self._is_events = self._is_ended = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            kinds = [value for name, value in message.get("headers", ()) if name.lower() == b"content-type"]
            self._is_events = any(kind.startswith(b"text/event-stream") for kind in kinds)
        elif message["type"] == "http.response.body":
            self._is_ended = not message.get("more_body", False)
        await self._send(message)

    async def end(self, error: AnswerTooSlow) -> None:
        """Raises the error where nothing was sent."""
        if self._status is None:
            raise error
        if not self._is_ended:
            body = sse.event(render(error).body) if self._is_events else b""
            await self._send({"type": "http.response.body", "body": body, "more_body": False})
