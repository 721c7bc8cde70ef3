"""The port Exclusive where one process has the home for itself: a lock a collection."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from llmanager.kernel.errors import Throttled

WAIT_S = 60.0  # a restore of a large collection may hold it that long
POLL_S = 0.5  # a waiting thread asks so often whether it still should


@dataclass
class _Turn:
    lock: threading.RLock = field(default_factory=threading.RLock)
    wanted_by: int = 0


class OneWriter:
    """Whoever has a collection may ask for it again in the same thread. What `check` raises ends the waiting."""

    def __init__(self, wait_s: float = WAIT_S, check: Callable[[], None] = lambda: None) -> None:
        self._wait_s, self._check = wait_s, check
        self._guard = threading.Lock()
        self._turns: dict[str, _Turn] = {}

    @contextmanager
    def __call__(self, resource: str) -> Iterator[None]:
        with self._guard:
            turn = self._turns.setdefault(resource, _Turn())
            turn.wanted_by += 1
        try:
            self._acquire(turn.lock)
            try:
                yield
            finally:
                turn.lock.release()
        finally:
            with self._guard:
                turn.wanted_by -= 1
                if not turn.wanted_by:
                    del self._turns[resource]

    def _acquire(self, lock: threading.RLock) -> None:
        end_s = time.monotonic() + self._wait_s
        while not lock.acquire(timeout=max(0.0, min(POLL_S, end_s - time.monotonic()))):
            self._check()
            if time.monotonic() >= end_s:
                raise Throttled("Others are writing to this vector database. Try again in a moment.", retry_after_s=5)
