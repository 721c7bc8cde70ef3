"""/ready, which anyone may ask: what it costs, and how soon it tells the truth again."""

import pytest

from llmanager.kernel.errors import Unavailable
from llmanager.wiring.aws.apps import READY_S, readable
from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable


class Counted(FakeTable):
    reads = 0

    def get(self, partition, sort):
        self.reads += 1
        return super().get(partition, sort)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def table(clock):
    return Counted(clock)


@pytest.fixture
def check(table, clock):
    return readable(table, clock)


def test_however_often_it_is_asked_the_table_is_read_every_five_seconds_at_most(check, table, clock):
    for _ in range(100):
        check()
        clock.advance(0.1)
    assert READY_S == 5
    assert table.reads == 2


def test_a_table_that_does_not_answer_is_told_and_not_asked_more_often_either(check, table, clock):
    table.down = Unavailable("no rows")
    for _ in range(10):
        with pytest.raises(Unavailable):
            check()
    assert table.reads == 1


def test_what_changed_shows_after_five_seconds(check, table, clock):
    check()
    table.down = Unavailable("no rows")
    clock.advance(READY_S)
    with pytest.raises(Unavailable):
        check()
    table.down = None
    clock.advance(READY_S)
    check()
