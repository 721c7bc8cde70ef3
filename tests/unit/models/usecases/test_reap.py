"""What is due, told or done."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from llmanager.kernel.errors import Unavailable
from llmanager.models import rows
from llmanager.models.entities import Desired, Scaling, Status, Window
from llmanager.models.ports import HostTraits
from llmanager.models.usecases import change
from llmanager.models.usecases.reap import Due, reap
from llmanager.models.usecases.use import hold
from tests.fakes.model_host import FakeModelHost
from tests.unit.models.samples import at
from tests.unit.models.usecases.world import GREETER, World

SINGER = ("acme", "singer")


@pytest.fixture
def world():
    world = World(host=FakeModelHost(traits=HostTraits(is_billed=True)))
    world.host.usd_per_hour = Decimal("1.25")
    return world


def reaped(world, *, dry_run=False):
    return reap(world.registry, "reaper", dry_run=dry_run)


def test_where_nothing_is_due_nothing_is_told_or_done(world):
    world.up()
    before = world.model(), list(world.host.calls)
    report = reaped(world)
    assert (report.due, report.failures, report.is_dry_run) == ((), (), False)
    assert (world.model(), world.host.calls) == before


def test_a_dry_run_tells_why_since_when_and_what_it_saves_and_does_nothing(world):
    world.up()
    world.clock.advance(900)
    before = world.model(), list(world.host.calls), world.table.scan()
    report = reaped(world, dry_run=True)
    assert report.due == (Due(GREETER, Desired.ASLEEP, "idle for 900 s", at(0), Decimal("1.25")),)
    assert report.is_dry_run
    assert report.orphans.is_dry_run
    assert (world.model(), world.host.calls, world.table.scan()) == before


def test_a_real_one_does_what_the_dry_one_told(world):
    world.up()
    world.clock.advance(900)
    (told,) = reaped(world, dry_run=True).due
    (done,) = reaped(world).due
    assert (done.deed, done.why, done.is_begun, told.is_begun) == (told.deed, told.why, True, False)
    assert world.status() is Status.ASLEEP
    assert world.host.calls[-1][0] == "stop"
    assert reaped(world).due == ()


def test_what_is_past_its_time_to_live_goes(world):
    world.up(ttl_s=100)
    world.clock.advance(100)
    (due,) = reaped(world).due
    assert (due.deed, due.why, due.is_begun) == (Desired.DELETED, "its time to live is over", True)
    assert world.status() is Status.DELETING


def test_what_is_used_is_left_alone(world):
    world.up()
    world.clock.advance(899)
    hold(world.registry, GREETER, "gateway", lease_s=60)
    world.clock.advance(1)
    assert reaped(world).due == ()


def test_one_that_is_used_just_then_is_told_and_not_done(world):
    world.up()
    world.clock.advance(900)
    take_lease = world.table.transact

    def used(actions):
        world.table.transact = take_lease
        hold(world.registry, GREETER, "gateway", lease_s=60)
        return take_lease(actions)

    world.table.transact = used
    (due,) = reaped(world).due
    assert not due.is_begun
    assert world.status() is Status.READY


def test_what_its_own_cut_off_call_left_does_not_hold_it_up_and_another_ones_lease_does(world):
    world.up()
    world.clock.advance(900)
    lease = rows.lease_row(GREETER, "reconciler", world.clock.now() + timedelta(seconds=60))
    held = world.table.put(lease, "absent")
    (due,) = reaped(world).due
    assert not due.is_begun
    world.table.put(rows.lease_row(GREETER, "reaper", world.clock.now() + timedelta(seconds=60)), held.version)
    (due,) = reaped(world).due
    assert due.is_begun


def test_a_schedule_that_wakes_is_nothing_to_reap(world):
    world.create()
    kept = Scaling(schedule=(Window("00:00", "00:00"),))
    change.update(world.registry, GREETER, lambda spec: replace(spec, scaling=kept), accept_unknown_price=False)
    world.settle()
    change.sleep(world.registry, GREETER)
    world.clock.advance(24 * 3600)
    assert reaped(world, dry_run=True).due == ()


def test_one_that_fails_holds_up_no_other(world):
    world.up("singer")
    world.up()
    world.clock.advance(900)
    world.host.raises["observe"] = Unavailable("The cloud is away.")
    report = reaped(world)
    assert [failure.key for failure in report.failures] == [GREETER]
    assert str(report.failures[0].error) == "The cloud is away."
    assert [(due.key, due.is_begun) for due in report.due] == [(SINGER, True)]


def test_the_orphans_are_in_the_report(world):
    world.up()
    report = reaped(world, dry_run=True)
    assert report.orphans.removed == ()
    world.host.become_ready("lm-dev-orphan-aaaaaaaa")
    (host,) = reaped(world).orphans.hosts
    assert host.suspicious == ("lm-dev-orphan-aaaaaaaa",)
