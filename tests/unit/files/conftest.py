import pytest

from tests.unit.files.world import World


@pytest.fixture
def world():
    return World()
