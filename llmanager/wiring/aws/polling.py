"""Waiting for a change that another function makes: nobody tells this one, so it looks."""

import asyncio
from collections.abc import Awaitable, Callable

from llmanager.models.rows import Key

MAX_WAIT_S = 20.0  # API Gateway gives a request 29 s, and it may have cost some already
EVERY_S = 1.0


def until(
    max_wait_s: float = MAX_WAIT_S, every_s: float = EVERY_S
) -> Callable[[Key, Callable[[], bool], float], Awaitable[None]]:
    """An `Until` of the routes: returns when `is_so` (called in a thread), or when the caller should have an answer."""

    async def wait(_: Key, is_so: Callable[[], bool], timeout_s: float) -> None:
        ends_at_s = asyncio.get_running_loop().time() + min(timeout_s, max_wait_s)
        while not await asyncio.to_thread(is_so):
            left_s = ends_at_s - asyncio.get_running_loop().time()
            if left_s <= 0:
                return
            await asyncio.sleep(min(every_s, left_s))

    return wait
