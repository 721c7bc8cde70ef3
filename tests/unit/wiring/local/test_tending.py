"""When collections that changed are compacted."""

import threading

import pytest

from llmanager.kernel.errors import Unavailable
from llmanager.wiring.local.tending import EVERY_WRITES, IDLE_S, Tending
from tests.fakes.clock import FakeClock


@pytest.fixture
def tended():
    return []


@pytest.fixture
def clock():
    return FakeClock()


def test_a_collection_that_is_left_alone_for_a_while_is_tended_once(tended, clock):
    tending = Tending(tended.append, clock)
    tending.changed("a")
    tending.tend_due()
    assert tended == []
    clock.advance(IDLE_S)
    tending.tend_due()
    tending.tend_due()
    assert tended == ["a"]


def test_one_that_is_written_without_a_pause_is_tended_every_so_many_writes(tended, clock):
    tending = Tending(tended.append, clock)
    for _ in range(3):
        for _ in range(EVERY_WRITES):
            tending.changed("a")
        tending.tend_due()
    assert tended == ["a", "a", "a"]


def test_one_that_cannot_be_tended_holds_up_no_other(tended, clock):
    def tend(resource):
        if resource == "bad":
            raise Unavailable("The index is being made.")
        tended.append(resource)

    tending = Tending(tend, clock)
    tending.changed("bad")
    tending.changed("good")
    clock.advance(IDLE_S)
    tending.tend_due()
    assert tended == ["good"]


def test_the_thread_survives_a_bug_and_ends_when_told(clock):
    seen = threading.Semaphore(0)

    def tend(resource):
        seen.release()
        raise KeyError(resource)

    tending = Tending(tend, clock, look_every_s=0.001)
    tending.start()
    for _ in range(2):
        for _ in range(EVERY_WRITES):
            tending.changed("a")
        assert seen.acquire(timeout=10)
    tending.close()
    assert not tending._thread.is_alive()
