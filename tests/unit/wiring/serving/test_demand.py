"""What the gateway tells of its demand, for replicas to follow it, and how soon it lets go where memory is wanted."""

import asyncio
from dataclasses import replace

import pytest

from llmanager.models.usecases import change
from tests.unit.models.usecases.world import GREETER
from tests.unit.wiring.serving.test_leases import Counting


@pytest.fixture
def world():
    made = Counting()
    made.up()
    return made


def test_demand_is_told_when_replicas_could_follow_it(world):
    spec = world.model().spec
    grown = replace(spec, scaling=replace(spec.scaling, max=3))
    change.update(world.registry, GREETER, lambda _: grown, accept_unknown_price=False)

    async def three_requests():
        for _ in range(3):
            await world.directory.take(world.route)
        await world.directory.tend_leases()

    asyncio.run(three_requests())
    assert world.registry.use(GREETER).demand_at(world.clock.now()) == 3


def test_demand_of_a_model_that_cannot_grow_costs_no_write(world):
    async def three_requests():
        for _ in range(3):
            await world.directory.take(world.route)
        await world.directory.tend_leases()

    asyncio.run(three_requests())
    assert world.use_writes == 1


def test_a_lease_without_a_request_does_not_linger_while_another_model_waits_for_memory(world):
    async def served_while_another_wakes():
        await world.directory.take(world.route)
        world.directory.release(world.route)
        await world.directory.tend_leases()
        lingering = list(world.holders)
        world.host.starts_at_once = False
        world.create("waiting")
        world.directory.reload()
        await world.directory.tend_leases()
        return lingering

    assert asyncio.run(served_while_another_wakes()) != []
    assert world.holders == {}
