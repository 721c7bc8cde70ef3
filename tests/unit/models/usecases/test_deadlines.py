"""A pass whose time is over changes nothing: somebody else may hold the lease by then."""

import pytest

from llmanager.kernel.deadline import TooLate, check_deadline
from llmanager.models.entities import Status
from llmanager.models.usecases import change
from llmanager.models.usecases.reconcile import LEASE_S, MARGIN_S
from tests.fakes.clock import FakeClock
from tests.fakes.model_host import FakeModelHost
from tests.fakes.orders import held_by
from tests.unit.models.usecases.world import GREETER, World

CHANGING = ("start", "stop", "remove")
LAST_MOMENT_S = LEASE_S - MARGIN_S


class FencedHost(FakeModelHost):
    """Checks the deadline right before each effect, as ports.py asks; `frozen_s` goes by once, in call `freezes`."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock
        self.freezes, self.frozen_s = "", 0.0

    def _maybe_raise(self, method: str) -> None:
        if method == self.freezes:
            self.freezes = ""
            self.clock.advance(self.frozen_s)
        if method in CHANGING:
            check_deadline(self.clock.monotonic_s())
        super()._maybe_raise(method)


@pytest.fixture
def world():
    clock = FakeClock()
    return World(clock=clock, host=FencedHost(clock))


def freeze(world: World, in_call: str, for_s: float) -> None:
    world.host.freezes, world.host.frozen_s = in_call, for_s


def test_a_pass_may_act_while_its_lease_leaves_the_call_time_to_have_its_effect(world):
    world.create()
    freeze(world, "start", LAST_MOMENT_S - 0.1)
    world.reconcile()
    assert held_by(world.host) == (world.model().resource,)


def test_one_that_froze_before_it_acts_starts_nothing_and_the_next_one_does(world):
    world.create()
    freeze(world, "start", LAST_MOMENT_S)
    with pytest.raises(TooLate):
        world.reconcile()
    assert held_by(world.host) == ()
    assert world.status() is Status.CREATING
    world.settle()
    assert world.status() is Status.READY


def test_one_that_froze_while_it_looked_puts_nothing_to_sleep_and_deletes_nothing(world):
    world.up()
    for wish in (change.sleep, change.delete):
        wish(world.registry, GREETER)
        looks = FreezesAtTheSecondLook(world)
        with pytest.raises(TooLate):
            world.reconcile()
        assert looks.count == 2
        assert held_by(world.host) == (world.model().resource,)


class FreezesAtTheSecondLook:
    """The first is taken before there is a lease."""

    def __init__(self, world: World) -> None:
        self.count, self.observe = 0, world.host.observe
        self.world = world
        world.host.observe = self

    def __call__(self, resource):
        self.count += 1
        seen = self.observe(resource)
        if self.count == 2:
            self.world.clock.advance(LAST_MOMENT_S)
            self.world.host.observe = self.observe
        return seen


def test_the_time_that_it_took_to_get_the_lease_counts(world):
    world.create()

    def slow_write(_):
        world.table.before_write = lambda _: None
        world.clock.advance(LAST_MOMENT_S)

    world.table.before_write = slow_write
    with pytest.raises(TooLate):
        world.reconcile()
    assert held_by(world.host) == ()


def test_the_deadline_ends_with_the_pass(world):
    world.up()
    world.clock.advance(LEASE_S)
    world.host.stop(world.model().resource, 0)
    assert held_by(world.host) == ()
