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

    `began` is told of each request; `silent_s`: that nothing may have been sent for (None: as long as all may take).
    """

    def __init__(
        self, app: ASGIApp, limit_s: float, began: Callable[[], None] = lambda: None, *, silent_s: float | None = None
    ) -> None:
        self._app, self._limit_s, self._began = app, limit_s, began
        self._silent_s = limit_s if silent_s is None else min(silent_s, limit_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._began()
        began_s = asyncio.get_running_loop().time()
        limit = asyncio.timeout_at(began_s + self._silent_s)
        answer = _Begun(send, lambda: limit.reschedule(began_s + self._limit_s))
        try:
            async with limit:
                await self._app(scope, receive, answer.send)
        except TimeoutError:
            if not limit.expired():
                raise
            await answer.end(AnswerTooSlow(self._limit_s if answer.is_begun else self._silent_s))


class _Begun:
    """What was sent of an answer so far."""

    def __init__(self, send: Send, begins: Callable[[], None]) -> None:
        self._send, self._begins = send, begins
        self._status: int | None = None
        self._is_events = self._is_ended = False

    @property
    def is_begun(self) -> bool:
        return self._status is not None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begins()
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
