"""Leases of a function: written seldom, kept while a request is under way, and gone by themselves."""

import asyncio
from functools import partial
from operator import lt

import pytest

from llmanager.kernel.errors import Unavailable
from llmanager.kernel.table import Put
from llmanager.models.entities import Desired
from llmanager.wiring.aws.directory import MAX_AGE_S
from llmanager.wiring.aws.leases import LEASE_S, RENEW_AT_S, Leases
from tests.fakes.eventually import eventually
from tests.unit.models.usecases.world import GREETER
from tests.unit.wiring.aws.rows_world import Elsewhere


@pytest.fixture
def world():
    made = Elsewhere()
    made.up()
    made.use_writes = 0
    transact = made.table.transact

    def counted(actions):
        made.use_writes += any(isinstance(a, Put) and a.row.partition.startswith("use#") for a in actions)
        return transact(actions)

    made.table.transact = counted
    return made


async def request(world):
    await world.directory.take(world.route)
    world.directory.release(world.route)


def test_requests_back_to_back_cost_one_write(world):
    async def many():
        for _ in range(29):
            await request(world)
            world.clock.advance(1)

    asyncio.run(many())
    assert world.use_writes == 1
    assert world.use.is_held(world.clock.now())


def test_a_request_has_at_least_half_a_lease_before_it(world):
    async def two():
        await request(world)
        world.clock.advance(LEASE_S - RENEW_AT_S + 1)
        await request(world)

    asyncio.run(two())
    assert world.use_writes == 2


def test_a_model_that_nobody_asks_any_more_falls_asleep_in_its_time(world):
    asyncio.run(request(world))
    world.clock.advance(899)
    world.settle()
    assert world.model().desired is Desired.RUNNING
    world.clock.advance(2)
    world.settle()
    assert world.model().desired is Desired.ASLEEP


def test_a_short_sleep_waits_for_the_lease_to_run_out():
    world = Elsewhere()
    world.up(sleep_after_s=5)
    asyncio.run(request(world))
    world.clock.advance(LEASE_S - 1)
    world.settle()
    assert world.model().desired is Desired.RUNNING
    skew_s = world.host.traits.clock_skew_s
    world.clock.advance(skew_s + 2)
    world.settle()
    assert world.model().desired is Desired.ASLEEP


def test_a_long_request_keeps_its_lease_and_its_end_leaves_no_task(world):
    leases = Leases(world.registry, world.clock, lambda: "here", look_every_s=0.005)

    async def long():
        before = len(asyncio.all_tasks())
        await leases.take(world.route.key, GREETER, is_needed=False)
        for _ in range(10):
            world.clock.advance(RENEW_AT_S + 1)
            writes = world.use_writes
            await asyncio.to_thread(eventually, lambda: world.use_writes, partial(lt, writes))
            assert world.use.is_held(world.clock.now())
        leases.release(world.route.key)
        await asyncio.sleep(0.01)
        return len(asyncio.all_tasks()) - before

    assert asyncio.run(long()) == 0


def test_who_holds_is_drawn_at_the_first_lease_and_then_stays(world):
    """So that no two processes that were restored from one snapshot are the same holder."""
    drawn = []
    leases = Leases(world.registry, world.clock, lambda: drawn.append("x") or f"holder-{len(drawn)}")
    assert drawn == []

    async def two():
        for _ in range(2):
            await leases.take(world.route.key, GREETER, is_needed=True)
            leases.release(world.route.key)
            world.clock.advance(LEASE_S)

    asyncio.run(two())
    assert world.use_writes == 2
    assert drawn == ["x"]
    assert len(world.use.holders) == 1


def test_no_lease_is_needed_to_be_served_while_the_table_takes_no_writes(world):
    def refuse(_):
        raise Unavailable("no writes")

    async def served():
        world.table.before_write = refuse
        await request(world)

    asyncio.run(served())
    assert not world.use.is_held(world.clock.now())


def test_without_one_nobody_waits_for_a_sleeping_model():
    world = Elsewhere()
    world.sleeping()
    world.clock.advance(MAX_AGE_S)

    def refuse(_):
        raise Unavailable("no writes")

    async def waits():
        world.table.before_write = refuse
        await world.directory.take(world.route)

    with pytest.raises(Unavailable):
        asyncio.run(waits())
    assert not world.directory.leases._in_use()


def test_a_client_that_leaves_while_the_lease_is_written_leaves_nothing_open(world):
    async def leaves():
        taking = asyncio.create_task(world.directory.take(world.route))
        await asyncio.sleep(0)
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking
        assert not world.directory.leases._in_use()
        await request(world)

    asyncio.run(leaves())
    assert world.use_writes == 1
