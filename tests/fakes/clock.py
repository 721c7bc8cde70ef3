"""A Clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class FakeClock:
    """`advance` is time going by; `set` is the wall clock jumping while no time goes by."""

    def __init__(self, at: datetime = NOON) -> None:
        self._now = at
        self._monotonic_s = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic_s += seconds

    def set(self, at: datetime) -> None:
        self._now = at
