"""The one source of time. Decisions take `now` as an argument; only hosts and use cases hold a Clock."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall clock, aware, UTC. May jump; compare only with other wall-clock times."""

    def monotonic_s(self) -> float:
        """Seconds that never go back, for durations within one process."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()
