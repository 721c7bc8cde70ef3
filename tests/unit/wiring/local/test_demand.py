"""What the gateway tells of its demand, so that replicas can follow it, and what it does not."""

import asyncio
from dataclasses import replace

import pytest

from llmanager.models.usecases import change
from tests.unit.models.usecases.world import GREETER
from tests.unit.wiring.local.test_leases import Counting


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
