"""A deadline that travels with the work."""

import threading

import pytest

from llmanager.kernel.deadline import TooLate, check_deadline, deadline
from llmanager.kernel.errors import Retryable


def is_too_late(now_s: float) -> bool:
    try:
        check_deadline(now_s)
    except TooLate:
        return True
    return False


def test_without_a_deadline_nothing_is_too_late():
    assert not is_too_late(1e12)


def test_what_comes_before_the_end_may_be_done_and_what_comes_at_it_may_not():
    with deadline(45):
        assert not is_too_late(44.9)
        assert is_too_late(45)


def test_a_deadline_may_be_at_the_clocks_own_beginning():
    with deadline(0):
        assert is_too_late(0)


def test_an_inner_deadline_cannot_lengthen_an_outer_one():
    with deadline(45), deadline(100):
        assert is_too_late(45)


def test_an_inner_deadline_may_be_shorter_and_ends_with_its_block():
    with deadline(45):
        with deadline(10):
            assert is_too_late(10)
        assert not is_too_late(44)


def test_after_the_block_nothing_is_too_late_however_it_ended():
    with pytest.raises(ValueError, match="broke"), deadline(45):
        raise ValueError("broke")
    assert not is_too_late(1e12)


def test_a_deadline_binds_the_thread_that_set_it_and_no_other():
    found = []
    with deadline(45):
        other = threading.Thread(target=lambda: found.append(is_too_late(100)))
        other.start()
        other.join()
    assert found == [False]


def test_who_is_too_late_is_told_that_nothing_changed_and_that_it_is_repeated():
    with deadline(45), pytest.raises(TooLate, match="before it changed anything") as told:
        check_deadline(46)
    assert isinstance(told.value, Retryable)
