from datetime import timedelta

import pytest

from llmanager.kernel.errors import Throttled
from llmanager.models.entities import Desired
from llmanager.models.errors import ModelNotFound
from llmanager.models.usecases.use import hold, let_go
from tests.unit.models.usecases.world import GREETER, World

SINGER = ("acme", "singer")


def test_a_use_that_begins_just_after_sees_the_sleep():
    world = World()
    world.up()
    world.clock.advance(1000)
    world.settle()
    hold(world.registry, GREETER, "gateway", lease_s=60)
    assert world.model().desired is Desired.ASLEEP


def test_only_models_that_exist_can_be_held():
    with pytest.raises(ModelNotFound):
        hold(World().registry, GREETER, "gateway", lease_s=60)


def test_leases_that_ran_out_are_forgotten_by_the_next():
    world = World()
    world.up()
    hold(world.registry, GREETER, "old", lease_s=60)
    world.clock.advance(61)
    hold(world.registry, GREETER, "new", lease_s=60)
    assert list(world.registry.use(GREETER).holders) == ["new"]


def test_one_that_never_gets_a_turn_is_told_so():
    world = World()
    world.up()

    def meanwhile(_):
        world.table.before_write = lambda _: None
        hold(world.registry, GREETER, "other", lease_s=60)
        world.table.before_write = meanwhile

    world.table.before_write = meanwhile
    with pytest.raises(Throttled, match="at once"):
        hold(world.registry, GREETER, "gateway", lease_s=60)


def test_a_use_that_comes_just_after_the_model_went_leaves_no_row():
    world = World()
    world.up()
    world.table.before_write = lambda _: world.registry.drop(world.model())
    with pytest.raises(ModelNotFound):
        hold(world.registry, GREETER, "gateway", lease_s=60)
    assert [row.partition for row in world.table.scan().rows] == ["fleet#", "gone#"]


def test_a_use_is_noted_when_it_begins_and_when_it_ends():
    world = World()
    world.up()
    hold(world.registry, GREETER, "gateway", lease_s=60)
    began_at = world.clock.now()
    assert world.registry.use(GREETER).last_used_at == began_at
    world.clock.advance(5)
    let_go(world.registry, GREETER, "gateway")
    assert world.registry.use(GREETER).last_used_at == began_at + timedelta(seconds=5)


def test_who_lets_go_takes_no_lease_but_their_own():
    world = World()
    world.up()
    hold(world.registry, GREETER, "one", lease_s=60)
    hold(world.registry, GREETER, "other", lease_s=60)
    let_go(world.registry, GREETER, "one")
    assert list(world.registry.use(GREETER).holders) == ["other"]


def test_a_lease_has_run_out_at_its_very_end():
    world = World()
    world.up()
    hold(world.registry, GREETER, "old", lease_s=60)
    world.clock.advance(60)
    hold(world.registry, GREETER, "new", lease_s=60)
    assert list(world.registry.use(GREETER).holders) == ["new"]
