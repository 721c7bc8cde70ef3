"""`python -m emulator`: how its options make the times."""

import pytest

from emulator.__main__ import SPEED, timing
from emulator.conditions import Timing


def test_by_default_times_are_those_that_people_wait_for():
    quick = timing(SPEED, [])
    assert quick.instance_start_s == 2
    assert 5 < quick.release_after_s < 10
    assert quick.health_check_s == 120, "real workers are not quicker than they are"
    assert quick.metrics_keep_s == Timing().metrics_keep_s


def test_speed_one_is_awss_own_time():
    assert timing(1, []) == Timing()


def test_one_time_may_be_given_by_name():
    assert timing(SPEED, ["release_after_s=5", "instance_start_s=0.5"]).release_after_s == 5


@pytest.mark.parametrize(("speed", "given"), [(0, []), (1, ["release=5"]), (1, ["release_after_s=soon"]), (1, ["x"])])
def test_what_makes_no_sense_is_refused(speed, given):
    with pytest.raises(ValueError):
        timing(speed, given)
