"""The clock of a function that may be stopped between two events, for minutes, and then goes on as if nothing was."""

import threading
import time
from datetime import UTC, datetime


class ThawedClock:
    """A Clock. Its seconds follow the wall clock where that got further: what was to end while all stood still did."""

    def __init__(self) -> None:
        self._last = (time.monotonic(), time.time())
        self._now_s = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        with self._lock:
            before, self._last = self._last, (time.monotonic(), time.time())
            self._now_s += max(now - was for now, was in zip(self._last, before, strict=True))
            return self._now_s
