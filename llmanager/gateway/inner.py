"""Requests for models from within this process: no HTTP, no key; the same limits, leases, retries and metering."""

import asyncio
from collections.abc import AsyncGenerator, MutableMapping
from typing import Any

from llmanager.gateway.answer import Answer
from llmanager.gateway.app import Gateway
from llmanager.gateway.asgi import Send
from llmanager.gateway.ports import RenderError
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.principal import Principal

BUFFERED = 16  # pieces of a stream that nobody took yet; then the upstream's connection waits


class InnerAnswer(Answer):
    """An answer whose failure is an exception of the one who asked, also in the middle of a stream."""

    def __init__(self, send: Send, render: RenderError, clock: Clock) -> None:
        super().__init__(send, render, clock)
        self.failure: LLManagerError | None = None

    async def fail(self, error: LLManagerError) -> None:
        if self.status is None:
            self.status = self._render(error).status  # for the meter
        self.failure = error


class KeptAnswer(InnerAnswer):
    """One that is kept whole."""

    def __init__(self, render: RenderError, clock: Clock) -> None:
        super().__init__(self._keep, render, clock)
        self._parts: list[bytes] = []

    @property
    def body(self) -> bytes:
        return b"".join(self._parts)

    async def _keep(self, message: MutableMapping[str, Any]) -> None:
        self._parts.append(message.get("body", b""))


class InnerCalls:
    """As `principal`, who was let in by whoever asks: a key's scope for the path is not looked at again."""

    def __init__(self, gateway: Gateway, render: RenderError, clock: Clock) -> None:
        self._gateway, self._render, self._clock = gateway, render, clock

    async def whole(self, principal: Principal, path: str, body: bytes, grammar: str = "") -> bytes:
        """The body of the answer to a request without `stream`. Raises the errors that HTTP would answer.

        `grammar`, in GBNF, goes to the model's server beside what the body says: llama.cpp holds the answer to it.
        """
        answer = KeptAnswer(self._render, self._clock)
        await self._gateway.ask(principal, path, body, answer, grammar)
        if answer.failure is not None:
            raise answer.failure
        return answer.body

    async def stream(
        self, principal: Principal, path: str, body: bytes, grammar: str = ""
    ) -> AsyncGenerator[bytes, None]:
        """The answer to a request with `stream`, in pieces of whole events (comments too), the last one [DONE].

        Close it (contextlib.aclosing) when you leave before its end: that ends the request at the upstream.
        Raises what HTTP would answer, after the events that came before it.
        """
        pieces: asyncio.Queue[bytes | None] = asyncio.Queue()  # bounded by `room`; None: there is no more
        room = asyncio.Semaphore(BUFFERED)

        async def offer(message: MutableMapping[str, Any]) -> None:
            if piece := message.get("body", b""):
                await room.acquire()
                pieces.put_nowait(piece)

        answer = InnerAnswer(offer, self._render, self._clock)
        asking = asyncio.create_task(self._gateway.ask(principal, path, body, answer, grammar))
        asking.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            while (piece := await pieces.get()) is not None:
                room.release()
                yield piece
            await asking
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        if answer.failure is not None:
            raise answer.failure
