from datetime import timedelta

import pytest

from llmanager.kernel.errors import Conflict
from llmanager.models import rows
from llmanager.models.entities import Status
from llmanager.models.usecases.change import sleep
from llmanager.models.usecases.recover import void_leases
from llmanager.models.usecases.use import hold
from tests.unit.models.usecases.world import GREETER, World


def a_pass_that_was_cut(world: World) -> None:
    lease = rows.lease_row(GREETER, "the dead server", world.clock.now() + timedelta(seconds=60))
    world.table.put(lease, "absent")


def test_a_model_that_was_being_reconciled_is_reconciled_at_once():
    world = World()
    world.create()
    a_pass_that_was_cut(world)
    void_leases(world.registry)
    world.settle()
    assert world.status() is Status.READY


def test_a_name_that_was_forgotten_in_a_pass_that_was_cut_can_be_used_again_at_once():
    world = World()
    a_pass_that_was_cut(world)
    void_leases(world.registry)
    world.up()
    assert world.status() is Status.READY


def test_nobody_uses_a_model_any_more_but_its_last_use_is_remembered():
    world = World()
    world.up()
    hold(world.registry, GREETER, "the dead server", lease_s=60)
    used_at = world.registry.use(GREETER).last_used_at
    void_leases(world.registry)
    use = world.registry.use(GREETER)
    assert (dict(use.holders), use.last_used_at) == ({}, used_at)


def test_a_model_can_be_put_to_sleep_without_waiting_for_the_dead():
    world = World()
    world.up()
    hold(world.registry, GREETER, "the dead server", lease_s=60)
    void_leases(world.registry)
    sleep(world.registry, GREETER)
    world.settle()
    assert world.model().observed.replicas == ()


def test_what_nobody_held_is_left_as_it_is():
    world = World()
    before = world.up()
    void_leases(world.registry)
    assert world.model() == before


def test_a_lease_that_somebody_took_meanwhile_is_not_taken_away():
    world = World()
    world.up()
    a_pass_that_was_cut(world)

    def renewed(_):
        lease = rows.lease_row(GREETER, "a living server", world.clock.now() + timedelta(seconds=60))
        world.table.put(lease, "any")

    world.table.before_write = renewed
    with pytest.raises(Conflict):
        void_leases(world.registry)


def test_a_use_that_began_meanwhile_is_not_taken_away():
    world = World()
    world.up()
    hold(world.registry, GREETER, "the dead server", lease_s=60)
    world.table.before_write = lambda _: hold(world.registry, GREETER, "a living server", lease_s=60)
    with pytest.raises(Conflict):
        void_leases(world.registry)
    assert "a living server" in world.registry.use(GREETER).holders
