"""Routes from rows that change elsewhere."""

import asyncio

import pytest

from llmanager.kernel.errors import Unavailable
from llmanager.models.errors import ModelNotFound
from llmanager.models.usecases import change
from llmanager.wiring.aws.directory import MAX_AGE_S, MISSED_S, STALE_S
from tests.fakes.eventually import eventually
from tests.unit.models.usecases.world import GREETER
from tests.unit.wiring.aws.rows_world import Elsewhere


@pytest.fixture
def world():
    return Elsewhere()


def test_a_row_that_is_written_elsewhere_is_seen_without_being_told(world):
    assert world.route is None
    world.up()
    world.clock.advance(MAX_AGE_S)
    assert (world.route.state, len(world.route.upstreams)) == ("ready", 1)
    assert world.route.upstreams[0].id == f"{world.model().resource}/0"
    assert world.directory.find("rival", "greeter") is None


def test_a_burst_of_requests_reads_a_row_once(world):
    world.up()
    world.reads = 0
    for _ in range(50):
        assert world.route is not None
    assert world.reads == 1
    world.clock.advance(MAX_AGE_S)
    assert world.route is not None
    assert world.reads == 2


def test_the_list_is_the_tenants_own_and_leaves_out_what_is_being_deleted(world):
    for name in ("b", "a", "c"):
        world.up(name)
    change.delete(world.registry, ("acme", "c"))
    assert [route.name for route in world.directory.list("acme")] == ["a", "b"]
    assert world.directory.list("rival") == ()


def test_known_routes_outlive_an_outage_of_the_table_for_a_while(world):
    world.up()
    route = world.route
    world.table.down = Unavailable("gone")
    world.clock.advance(STALE_S - 1)
    assert world.route == route
    with pytest.raises(Unavailable):
        world.directory.find("acme", "other")
    world.clock.advance(1)
    with pytest.raises(Unavailable):
        _ = world.route


def test_a_sleeping_model_is_woken_once_whoever_asks_and_seen_to_come_up(world):
    world.sleeping()
    world.clock.advance(MAX_AGE_S)
    other = world.another("there")

    async def asked(directory):
        route = directory.find(*GREETER)
        assert route.state == "asleep"
        await directory.take(route)
        await directory.wake(route)
        while not route.upstreams:
            route = await directory.changed(route, 5)
        return route

    async def both():
        asking = [asyncio.create_task(asked(directory)) for directory in (world.directory, other)]
        await asyncio.to_thread(eventually, lambda: world.poked, lambda poked: len(poked) == 2)
        await asyncio.to_thread(world.settle)  # what the reconciler does on hearing of it
        return await asyncio.gather(*asking)

    routes = asyncio.run(both())
    assert [len(route.upstreams) for route in routes] == [1, 1]
    assert world.poked == [GREETER, GREETER]
    assert sum(event.why == "a request" for event in world.model().events) == 1


def test_whoever_waits_for_a_change_that_does_not_come_gets_the_route_as_it_is(world):
    world.up()
    route = world.route
    assert asyncio.run(world.directory.changed(route, 0.02)) == route


def test_a_model_that_goes_or_is_another_one_by_now_is_none(world):
    world.up()
    route = world.route
    change.delete(world.registry, GREETER)
    assert asyncio.run(world.directory.changed(route, 5)) is None
    world.settle()
    world.up()
    assert asyncio.run(world.directory.changed(route, 5)) is None


def test_a_model_without_a_copy_counts_as_waking_until_its_row_is_written_anew(world):
    world.up()
    route = world.route
    world.directory.missed(route.upstreams[0])
    assert (world.route.state, world.route.upstreams) == ("waking", ())
    world.registry.save(world.model(), world.model().version)
    world.clock.advance(MAX_AGE_S)
    assert world.route.state == "ready"


def test_a_row_that_nobody_writes_is_believed_again_after_a_while(world):
    world.up()
    world.directory.missed(world.route.upstreams[0])
    world.clock.advance(MISSED_S)
    assert world.route.state == "ready"


def test_a_wake_that_the_queue_does_not_hear_of_is_written_all_the_same(world):
    world.sleeping()
    world.clock.advance(MAX_AGE_S)
    asyncio.run(world.directory.wake(world.route))
    world.settle()
    assert world.status().value == "ready"


def test_taking_what_was_deleted_meanwhile_says_so(world):
    world.up()
    route = world.route
    change.delete(world.registry, GREETER)
    world.settle()
    with pytest.raises(ModelNotFound):
        asyncio.run(world.directory.take(route))
