"""A request's body for code that blocks: read in a thread, fetched by the event loop, a message at a time."""

import asyncio
import concurrent.futures
from collections.abc import Iterator

from starlette.types import Message, Receive

from llmanager.api.errors import BodyCutOff


class BlockingBody:
    """Iterate over it in one thread, once. Raises BodyCutOff there if the client goes away, or after `stop`.

    Made, and stopped, on the event loop; without `stop` the thread of a request that is cancelled would wait for ever.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._reading: asyncio.Task[object] | None = None
        self._is_stopped = False

    def __iter__(self) -> Iterator[bytes]:
        has_more = True
        while has_more:
            message = self._next()
            if message["type"] != "http.request":
                raise BodyCutOff
            if piece := message.get("body", b""):
                yield piece
            has_more = message.get("more_body", False)

    def stop(self) -> None:
        self._is_stopped = True
        if self._reading is not None:
            self._reading.cancel()

    def _next(self) -> Message:
        if self._is_stopped:  # the loop may be closed by now
            raise BodyCutOff
        try:
            return asyncio.run_coroutine_threadsafe(self._read(), self._loop).result()
        except concurrent.futures.CancelledError:
            raise BodyCutOff from None

    async def _read(self) -> Message:
        if self._is_stopped:
            raise BodyCutOff
        self._reading = asyncio.current_task()
        return await self._receive()
