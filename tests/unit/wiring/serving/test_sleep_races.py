"""The gateway against the idle sleep, with the real directory, registry and reconcile: no replica is stopped that a
request was sent to, at whichever write the request comes in."""

import asyncio

import pytest

from llmanager.models.usecases import change
from llmanager.models.usecases.use import hold
from tests.unit.models.usecases.world import GREETER
from tests.unit.wiring.serving.test_directory import Registered

IDLE_S = 1000


class Watched(Registered):
    """A request takes its lease and looks for a replica; one that was sent to is not stopped while it is open."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.in_use: set[str] = set()
        self.cut_off: list[str] = []
        stop = self.host.stop

        def watched(resource, replica):
            if f"{resource}/{replica}" in self.in_use:
                self.cut_off.append(resource)
            stop(resource, replica)

        self.host.stop = watched

    def request(self, directory=None) -> None:
        """As the gateway does: take, look again, wake where nothing is ready."""
        asyncio.run(self.requested(directory or self.directory))

    async def requested(self, directory) -> None:
        route = directory.find(*GREETER)
        await directory.take(route)
        route = directory.find(*GREETER)
        if not route.upstreams:
            await directory.wake(route)
            route = directory.find(*GREETER)
        self.in_use.update(upstream.id for upstream in route.upstreams)


def at_write(world, number, act):
    """`act` just before the `number`-th write from now on; the writes that it makes itself are not counted."""
    left = number

    def count_down(_):
        nonlocal left
        left -= 1
        if left:
            world.table.before_write = count_down
        else:
            act()

    world.table.before_write = count_down


def at_stop(world, act):
    """`act` after all is written, just before the host is told to stop."""
    stop = world.host.stop

    def late(resource, replica):
        world.host.stop = stop
        act()
        stop(resource, replica)

    world.host.stop = late


def served(world):
    world.table.before_write = lambda _: None
    world.settle()
    assert world.cut_off == []
    assert world.route.state == "ready"


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_request_at_any_write_of_an_idle_sleep_is_not_cut_off(number):
    world = Watched()
    world.up()
    world.clock.advance(IDLE_S)
    at_write(world, number, world.request)
    world.reconcile()
    served(world)


def test_a_request_between_the_written_wish_and_the_stop_is_sent_to_no_replica_that_stops():
    world = Watched()
    world.up()
    world.clock.advance(IDLE_S)
    at_stop(world, world.request)
    world.reconcile()
    served(world)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_request_at_any_write_of_a_replacement_is_not_cut_off(number):
    world = Watched()
    world.up()
    change.update(world.registry, GREETER, grown, accept_unknown_price=False)
    at_write(world, number, world.request)
    world.reconcile()
    assert world.cut_off == []


def test_a_request_between_the_written_replacement_and_the_stop_waits_for_the_new_replica():
    world = Watched()
    world.up()
    change.update(world.registry, GREETER, grown, accept_unknown_price=False)
    at_stop(world, world.request)
    world.reconcile()
    assert world.cut_off == []
    world.settle()
    assert world.route.state == "ready"


@pytest.mark.parametrize("number", [1, 2, 3])
def test_two_gateways_at_any_write_of_each_other_and_of_the_sleep(number):
    world = Watched()
    world.up()
    other = type(world.directory)(world.registry, world.clock, "other", world.poked.append)
    other.reload()
    world.clock.advance(IDLE_S)

    def both() -> None:
        world.table.before_write = lambda _: hold(world.registry, GREETER, "third", lease_s=60)
        world.request()
        other.reload()
        world.request(other)

    at_write(world, number, both)
    world.reconcile()
    served(world)
    assert len(world.registry.use(GREETER).holders) == 3


def test_a_request_while_replicas_grow_fewer_is_let_end():
    world = Watched()
    world.create(replicas=2)
    world.settle()
    world.request()
    change.update(world.registry, GREETER, shrunk, accept_unknown_price=False)
    world.clock.advance(30)
    world.reconcile()
    assert world.cut_off == []
    assert len(world.route.upstreams) == 1
    world.clock.advance(31)
    world.reconcile()
    assert len(world.host.endpoints(world.model().resource)) == 1


def grown(spec):
    return type(spec)(**{**vars(spec), "context_tokens": 512})


def shrunk(spec):
    return type(spec)(**{**vars(spec), "scaling": type(spec.scaling)(min=1)})
