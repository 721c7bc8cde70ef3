"""Time inside the emulator: whole microseconds since 1970, so that sums and comparisons are exact and cheap."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NEVER = 1 << 62


class Clock(Protocol):
    """now() is an aware datetime. It may stand still; if it jumps back, the emulated services do not follow."""

    def now(self) -> datetime: ...


def to_us(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def from_us(at_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=at_us)


def us(seconds: float) -> int:
    return round(seconds * 1_000_000)
