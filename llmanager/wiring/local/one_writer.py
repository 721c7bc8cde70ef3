"""The port Exclusive where one process has the home for itself: a lock a collection."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from llmanager.kernel.errors import Throttled

WAIT_S = 60.0  # a restore of a large collection may hold it that long


@dataclass
class _Turn:
    lock: threading.RLock = field(default_factory=threading.RLock)
    wanted_by: int = 0


class OneWriter:
    """Whoever has a collection may ask for it again in the same thread."""

    def __init__(self, wait_s: float = WAIT_S) -> None:
        self._wait_s = wait_s
        self._guard = threading.Lock()
        self._turns: dict[str, _Turn] = {}

    @contextmanager
    def __call__(self, resource: str) -> Iterator[None]:
        with self._guard:
            turn = self._turns.setdefault(resource, _Turn())
            turn.wanted_by += 1
        try:
            if not turn.lock.acquire(timeout=self._wait_s):
                raise Throttled("Others are writing to this vector database. Try again in a moment.", retry_after_s=5)
            try:
                yield
            finally:
                turn.lock.release()
        finally:
            with self._guard:
                turn.wanted_by -= 1
                if not turn.wanted_by:
                    del self._turns[resource]
