import pytest

from tests.unit.vdb.usecases.world import World


@pytest.fixture
def world() -> World:
    return World()
