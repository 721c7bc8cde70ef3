import pytest

from tests.fakes.clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock()
