import pytest

from tests.unit.jobs.world import World


@pytest.fixture
def world():
    return World()
