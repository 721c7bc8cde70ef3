import pytest

from llmanager.kernel.errors import Unavailable
from llmanager.wiring.serving.seldom import seldom
from tests.fakes.clock import FakeClock


def test_a_chore_is_done_at_once_and_then_only_when_its_time_has_come():
    clock, done = FakeClock(), []
    chore = seldom(lambda: done.append(1), 60, clock)
    for _ in range(5):
        chore()
        clock.advance(20)
    assert len(done) == 2


def test_one_that_failed_is_due_again():
    clock, tries = FakeClock(), []

    def broken():
        tries.append(1)
        raise Unavailable("The disk is away.")

    chore = seldom(broken, 60, clock)
    for _ in range(2):
        with pytest.raises(Unavailable):
            chore()
    assert len(tries) == 2
