"""Looks after the client while its request is worked on: ends the work when it goes away, keeps its stream alive."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from llmanager.gateway.answer import Answer
from llmanager.gateway.asgi import ClientGone, Receive


@asynccontextmanager
async def attended(
    receive: Receive, answer: Answer, *, heartbeat_s: float | None, opens_after_s: float = math.inf
) -> AsyncIterator[None]:
    """Cancels the block when the client disconnects before the answer is complete, and raises ClientGone then.

    `heartbeat_s`: None for a whole answer, which has no heartbeats. `opens_after_s`: a stream of which nothing was
    sent by then is opened, so that its heartbeats are heard.
    """
    work = asyncio.current_task()
    assert work is not None
    cancels_before = work.cancelling()
    is_gone = False

    async def attend() -> None:
        nonlocal is_gone
        await _until_disconnect(receive, answer, heartbeat_s, opens_after_s)
        if not answer.is_complete:
            is_gone = True
            work.cancel()

    attendant = asyncio.create_task(attend())
    try:
        yield
    except asyncio.CancelledError:
        if is_gone and work.uncancel() <= cancels_before:
            raise ClientGone from None
        raise  # somebody else, such as a server that shuts down, cancelled us
    finally:
        attendant.cancel()


async def _until_disconnect(receive: Receive, answer: Answer, heartbeat_s: float | None, opens_after_s: float) -> None:
    loop = asyncio.get_running_loop()
    opens_at_s = loop.time() + opens_after_s
    while True:
        try:
            async with asyncio.timeout(_pause_s(answer, heartbeat_s, opens_after_s)):
                message = await receive()
        except TimeoutError:
            if loop.time() >= opens_at_s and answer.status is None:
                await answer.open_stream()
                await answer.beat(0)
            await answer.beat(heartbeat_s or 0)
            continue
        if message["type"] == "http.disconnect":
            return


def _pause_s(answer: Answer, heartbeat_s: float | None, opens_after_s: float) -> float | None:
    if heartbeat_s is None or answer.status is not None:
        return heartbeat_s
    return min(heartbeat_s, opens_after_s)
