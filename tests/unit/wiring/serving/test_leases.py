"""Leases of the gateway on models: one write for many requests, and none is cut off by a sleep."""

import asyncio
import threading
from dataclasses import replace

import pytest

from llmanager.kernel.errors import Throttled, Unavailable
from llmanager.kernel.table import Put
from llmanager.models.errors import ModelNotFound
from llmanager.models.usecases import change
from llmanager.wiring.serving.directory import LEASE_S, LINGER_S, RENEW_AT_S
from tests.unit.models.usecases.world import GREETER
from tests.unit.wiring.serving.test_directory import Registered


class Counting(Registered):
    """Counts the writes of use rows."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.use_writes = 0
        transact = self.table.transact

        def counted(actions):
            self.use_writes += any(isinstance(a, Put) and a.row.partition.startswith("use#") for a in actions)
            return transact(actions)

        self.table.transact = counted

    @property
    def holders(self):
        return self.registry.use(GREETER).holders


@pytest.fixture
def world():
    made = Counting()
    made.up()
    return made


def refusing(error):
    def refuse(_):
        raise error

    return refuse


def test_many_requests_cost_one_write(world):
    async def many():
        await asyncio.gather(*(world.directory.take(world.route) for _ in range(50)))
        await world.directory.take(world.route)

    asyncio.run(many())
    assert world.use_writes == 1
    assert world.registry.use(GREETER).is_held(world.clock.now())


def test_a_lease_in_use_is_renewed_in_time_and_not_before(world):
    async def use_long():
        await world.directory.take(world.route)
        for _ in range(10):
            world.clock.advance(RENEW_AT_S / 2)
            await world.directory.tend_leases()
            assert world.registry.use(GREETER).is_held(world.clock.now())

    asyncio.run(use_long())
    assert world.use_writes <= 1 + 10 * RENEW_AT_S / 2 / (LEASE_S - RENEW_AT_S)


def test_a_lease_lingers_and_is_given_up_then(world):
    async def use():
        await world.directory.take(world.route)
        world.directory.release(world.route)
        world.clock.advance(LINGER_S - 0.1)
        await world.directory.tend_leases()
        assert world.holders
        world.clock.advance(0.1)
        await world.directory.tend_leases()

    asyncio.run(use())
    assert not world.holders
    assert world.registry.use(GREETER).last_used_at == world.clock.now()
    assert world.poked == [GREETER], "its idle time is reckoned anew"
    assert not world.directory._leases


def test_a_lease_with_one_request_left_is_kept(world):
    async def use():
        await world.directory.take(world.route)
        await world.directory.take(world.route)
        world.directory.release(world.route)
        world.clock.advance(LINGER_S)
        await world.directory.tend_leases()

    asyncio.run(use())
    assert world.holders


def test_one_that_comes_while_the_lease_is_given_up_takes_its_own(world):
    begun, go_on = threading.Event(), threading.Event()

    def hold_up(_):
        begun.set()
        assert go_on.wait(10)

    async def use():
        directory, route = world.directory, world.route
        await directory.take(route)
        directory.release(route)
        world.clock.advance(LINGER_S)
        world.table.before_write = hold_up
        giving_up = asyncio.create_task(directory.tend_leases())
        await asyncio.to_thread(begun.wait, 10)
        taking = asyncio.create_task(directory.take(route))
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(giving_up, taking)

    asyncio.run(use())
    assert world.registry.use(GREETER).is_held(world.clock.now())
    assert world.use_writes == 3, "taken, given up, taken"


def test_one_that_comes_just_before_the_lease_is_given_up_keeps_it(world):
    async def use():
        directory, route = world.directory, world.route
        await directory.take(route)
        directory.release(route)
        world.clock.advance(LINGER_S)
        lease = directory._leases[route.key]
        async with lease.writing:
            giving_up = asyncio.create_task(directory.tend_leases())
            await asyncio.sleep(0)
            await directory.take(route)
        await giving_up

    asyncio.run(use())
    assert (world.use_writes, len(world.holders)) == (1, 1)


def test_while_the_table_is_down_a_ready_model_serves_and_its_lease_comes_later(world):
    world.table.before_write = refusing(Unavailable("down"))
    asyncio.run(world.directory.take(world.route))
    assert not world.holders
    asyncio.run(world.directory.tend_leases())
    assert world.holders


def test_while_the_table_is_down_a_sleeping_model_is_refused_and_nothing_is_held(world):
    change.sleep(world.registry, GREETER)
    world.settle()
    world.table.before_write = refusing(Throttled("busy"))
    route = world.route
    with pytest.raises(Throttled):
        asyncio.run(world.directory.take(route))
    assert world.directory._leases[route.key].outstanding == 0


def test_what_was_put_to_sleep_before_the_lease_shows_after_it(world):
    world.clock.advance(1000)
    stale = world.route
    world.directory.refresh = lambda key: None  # the news of the sleep is late
    world.reconcile()
    del world.directory.refresh
    asyncio.run(world.directory.take(stale))
    assert world.route.state == "asleep"


def test_a_renewal_that_fails_is_tried_again(world):
    async def use():
        await world.directory.take(world.route)
        world.clock.advance(LEASE_S - RENEW_AT_S + 1)
        world.table.before_write = refusing(Throttled("busy"))
        await world.directory.tend_leases()
        assert world.use_writes == 2
        await world.directory.tend_leases()

    asyncio.run(use())
    world.clock.advance(LEASE_S - 1)
    assert world.registry.use(GREETER).is_held(world.clock.now())


def test_one_that_goes_away_while_it_takes_leaves_no_request_and_no_lost_error(world):
    begun, go_on = threading.Event(), threading.Event()
    lost = []

    def hold_up(_):
        begun.set()
        assert go_on.wait(10)
        raise Unavailable("down")

    async def use():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: lost.append(context))
        world.table.before_write = hold_up
        taking = asyncio.create_task(world.directory.take(world.route))
        await asyncio.to_thread(begun.wait, 10)
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking
        assert world.directory._leases[world.route.key].outstanding == 0
        go_on.set()

    asyncio.run(use())
    assert lost == []


# a name that goes to another model


def remade(world):
    change.delete(world.registry, GREETER)
    world.settle()
    world.up()


def test_requests_of_a_deleted_model_do_not_end_the_use_of_its_successor(world):
    async def use():
        directory, old = world.directory, world.route
        await directory.take(old)
        await asyncio.to_thread(remade, world)
        new = world.route
        await directory.take(new)
        directory.release(old)
        world.clock.advance(LINGER_S)
        await directory.tend_leases()
        assert set(directory._leases) == {new.key}
        assert directory._leases[new.key].outstanding == 1

    asyncio.run(use())
    assert len(world.holders) == 1


def test_a_lease_on_a_model_that_is_gone_is_forgotten(world):
    async def use():
        route = world.route
        await world.directory.take(route)
        change.delete(world.registry, GREETER)
        world.settle()
        world.clock.advance(LEASE_S)
        await world.directory.tend_leases()
        assert not world.directory._leases
        world.directory.release(route)
        with pytest.raises(ModelNotFound):
            await world.directory.take(route)
        world.clock.advance(LINGER_S)
        await world.directory.tend_leases()
        assert not world.directory._leases

    asyncio.run(use())


def test_leases_are_kept_whatever_breaks(world):
    rounds = []

    async def broken():
        rounds.append(1)
        if len(rounds) == 3:
            raise asyncio.CancelledError
        raise ZeroDivisionError

    world.directory.tend_leases = broken
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(world.directory.keep_leases(period_s=0))
    assert len(rounds) == 3


def test_two_gateways_hold_each_for_itself(world):
    other = replace_holder(world, "other")

    async def use():
        await world.directory.take(world.route)
        await other.take(world.route)
        other.release(world.route)
        world.clock.advance(LINGER_S)
        await other.tend_leases()

    asyncio.run(use())
    assert list(world.holders) == [f"gateway/{world.route.key}"]
    world.clock.advance(30)
    world.settle()
    assert world.route.state == "ready"


def replace_holder(world, holder):
    other = type(world.directory)(world.registry, world.clock, holder, world.poked.append)
    other.reload()
    assert replace(other.find(*GREETER)) == world.route
    return other
