import pytest

from llmanager.wiring.aws.time_left import OutOfTime, TimeLeft
from tests.fakes.clock import FakeClock


def test_before_the_first_invocation_there_is_no_end():
    TimeLeft(FakeClock()).check()


def test_what_is_done_ends_with_its_invocation_and_the_next_begins_anew():
    clock = FakeClock()
    left = TimeLeft(clock)
    left.begin(10)
    clock.advance(9)
    left.check()
    with pytest.raises(OutOfTime):
        left.check(spare_s=1)
    clock.advance(1)
    with pytest.raises(OutOfTime):
        left.check()
    left.begin(10)
    left.check()
