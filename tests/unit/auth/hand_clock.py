from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class HandClock:
    """A Clock that moves only when a test moves it."""

    def __init__(self):
        self.at = NOON
        self.monotonic = 1000.0

    def now(self):
        return self.at

    def monotonic_s(self):
        return self.monotonic

    def advance(self, seconds):
        self.at += timedelta(seconds=seconds)
        self.monotonic += seconds
