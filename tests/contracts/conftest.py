import pytest

from tests.contracts.tables import ADAPTERS
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture(params=ADAPTERS)
def table(request, clock, tmp_path):
    with ADAPTERS[request.param](clock, tmp_path) as table:
        yield table
