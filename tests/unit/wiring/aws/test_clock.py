"""Time that goes on while the process stands still."""

import pytest

from llmanager.wiring.aws import clock as module
from llmanager.wiring.aws.clock import ThawedClock


@pytest.fixture
def times(monkeypatch):
    """Monotonic and wall clock as the machine tells them."""

    class Times:
        monotonic_s, wall_s = 100.0, 1_800_000_000.0

        def monotonic(self):
            return self.monotonic_s

        def time(self):
            return self.wall_s

    made = Times()
    monkeypatch.setattr(module, "time", made)
    return made


def test_what_the_monotonic_clock_missed_is_told_by_the_wall_clock(times):
    clock = ThawedClock()
    times.monotonic_s += 1
    times.wall_s += 600
    assert clock.monotonic_s() == 600


def test_a_wall_clock_that_is_set_back_takes_no_time_away(times):
    clock = ThawedClock()
    times.monotonic_s += 5
    times.wall_s -= 3600
    assert clock.monotonic_s() == 5
    times.monotonic_s += 2
    times.wall_s += 2
    assert clock.monotonic_s() == 7


def test_now_is_aware():
    assert ThawedClock().now().utcoffset().total_seconds() == 0
