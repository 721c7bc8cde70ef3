"""Which models a round looks at."""

from dataclasses import replace

import pytest

from llmanager.models.entities import Backend, ModelSpec
from llmanager.models.ports import HostTraits
from llmanager.models.usecases.create import Creation, create
from llmanager.wiring.local.parts import CLOUD_ROUND_S, ROUND_S, Rounds
from tests.fakes.model_host import FakeModelHost
from tests.unit.models.usecases.world import World

HERE, FAR = ("acme", "here"), ("acme", "far")


@pytest.fixture
def world():
    """A model on this machine, and one at a host that is billed."""
    world = World()
    cloud = FakeModelHost(traits=HostTraits(is_billed=True))
    world.registry = replace(world.registry, hosts={Backend.LOCAL: world.host, Backend.SAGEMAKER: cloud})
    world.create("here")
    create(world.registry, Creation("acme", "far", ModelSpec("m", backend=Backend.SAGEMAKER, sleep_after_s=900)))
    return world


def test_the_first_round_looks_at_everything(world):
    assert sorted(Rounds(world.registry)()) == [FAR, HERE]


def test_after_that_the_cloud_is_asked_once_a_minute_and_this_machine_every_time(world):
    rounds = Rounds(world.registry)
    seen = []
    for _ in range(int(2 * CLOUD_ROUND_S / ROUND_S) + 1):
        seen += rounds()
        world.clock.advance(ROUND_S)
    assert (seen.count(HERE), seen.count(FAR)) == (25, 3)


def test_a_model_of_a_backend_that_is_no_longer_set_up_hides_no_other(world):
    rounds = Rounds(replace(world.registry, hosts={Backend.LOCAL: world.host}))
    for _ in range(3):
        assert HERE in rounds()
        world.clock.advance(ROUND_S)
