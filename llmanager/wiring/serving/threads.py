"""Blocking work off the event loop, in a pool of its own: what is slow there holds up nothing else."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Threads:
    """Called with some work, gives what awaits its result. Log lines of the work carry the request's id."""

    def __init__(self, name: str, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        context = contextvars.copy_context()
        return asyncio.get_running_loop().run_in_executor(self._pool, context.run, work)

    def close(self) -> None:
        """Work that has begun is waited for, the rest is dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)
