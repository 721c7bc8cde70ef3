"""Waiting for what another function does."""

import asyncio
import time

import pytest

from llmanager.wiring.aws.polling import until

KEY = ("acme", "greeter")


def waited(wait, is_so, timeout_s):
    """For how long."""
    began_s = time.monotonic()
    asyncio.run(asyncio.wait_for(wait(KEY, is_so, timeout_s), 10))
    return time.monotonic() - began_s


def test_it_looks_until_it_is_so():
    answers = iter([False, False, True])
    waited(until(every_s=0.001), lambda: next(answers), 600)
    assert next(answers, None) is None


def test_it_gives_up_when_the_caller_should_have_an_answer():
    assert waited(until(max_wait_s=0.02, every_s=0.01), lambda: False, 600) >= 0.02


def test_it_waits_no_longer_than_it_was_asked_to():
    assert waited(until(max_wait_s=60, every_s=0.01), lambda: False, 0.02) < 9


def test_what_looking_raises_is_raised():
    def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        waited(until(), broken, 1)
