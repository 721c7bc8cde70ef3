import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable
from tests.unit.history.calls import History


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def table(clock):
    return FakeTable(clock)


@pytest.fixture
def history(table, clock):
    return History(table, clock)
