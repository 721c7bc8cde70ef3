"""Coroutines that wait for news of a model, told from any thread. No thread is held while they wait."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator

from llmanager.models.rows import Key

MAX_WAITING = 1000


class Waiters:
    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._waiting = 0
        self._events: defaultdict[Key, set[asyncio.Event]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None

    def tell(self, key: Key) -> None:
        """From any thread."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._set, key)

    @contextlib.contextmanager
    def news(self, key: Key) -> Iterator[asyncio.Event]:
        """An event that is set at every `tell` from now on."""
        self._loop = asyncio.get_running_loop()
        event = asyncio.Event()
        self._events[key].add(event)
        try:
            yield event
        finally:
            self._events[key].discard(event)
            if not self._events[key]:
                del self._events[key]

    async def until(self, key: Key, is_so: Callable[[], bool], timeout_s: float) -> None:
        """Returns when `is_so` (called in a thread, after every `tell`), or too late, or at once if too many wait."""
        if self._waiting >= self._max_waiting:
            return
        self._waiting += 1
        try:
            with self.news(key) as news, contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    while not await asyncio.to_thread(is_so):
                        await news.wait()
                        news.clear()
        finally:
            self._waiting -= 1

    def _set(self, key: Key) -> None:
        for event in self._events.get(key, ()):
            event.set()
