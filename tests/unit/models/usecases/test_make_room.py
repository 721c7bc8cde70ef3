from datetime import timedelta

from llmanager.kernel.errors import NoRoom
from llmanager.models.entities import Desired, Status
from llmanager.models.usecases import change
from llmanager.models.usecases.make_room import make_room
from llmanager.models.usecases.reconcile import NO_ROOM_S, reconcile_once
from llmanager.models.usecases.use import hold, let_go
from tests.fakes.model_host import FakeModelHost
from tests.unit.models.usecases.world import GREETER, World

SINGER = ("acme", "singer")


def test_the_least_recently_used_model_makes_room():
    world = World(host=FakeModelHost(budget_mib=200, memory_mib=100))
    for name in ("first", "second"):
        world.up(name)
        world.clock.advance(10)
        hold(world.registry, ("acme", name), "gateway", lease_s=1)
        let_go(world.registry, ("acme", name), "gateway")
        world.clock.advance(10)
    world.create()
    outcome = world.reconcile()
    assert outcome.others == (("acme", "first"),)
    world.settle(("acme", "first"))
    world.settle()
    assert [world.status(("acme", n)) for n in ("first", "second", "greeter")] == [
        Status.ASLEEP,
        Status.READY,
        Status.READY,
    ]


def test_where_all_are_in_use_a_start_waits_and_says_why():
    world = World(host=FakeModelHost(budget_mib=100, memory_mib=100))
    world.up("first")
    hold(world.registry, ("acme", "first"), "gateway", lease_s=3600)
    world.create()
    outcome = world.reconcile()
    assert (outcome.others, world.status(("acme", "first"))) == ((), Status.READY)
    assert outcome.again_at == world.clock.now() + timedelta(seconds=NO_ROOM_S)
    assert "needs 100 MiB" in world.model().observed.replicas[0].stage
    written = len(world.changed)
    world.reconcile()
    assert len(world.changed) == written, "waiting costs no writes"


def test_one_that_is_used_at_the_last_moment_is_not_put_to_sleep():
    world = World(host=FakeModelHost(budget_mib=100, memory_mib=100))
    world.up("first")
    world.create()
    real_use = world.registry.use

    class UsedMeanwhile(type(world.registry)):
        def use(self, key):
            found = real_use(key)
            if key == ("acme", "first") and not found.holders:
                hold(world.registry, key, "gateway", lease_s=60)
            return found

    racing = UsedMeanwhile(**vars(world.registry))
    assert reconcile_once(racing, GREETER, "tester").others == ()
    assert world.model(("acme", "first")).desired is Desired.RUNNING


def test_one_that_is_on_its_way_out_is_waited_for_and_nobody_else_put_to_sleep():
    world = World(host=FakeModelHost(budget_mib=200, memory_mib=100))
    world.up("first")
    world.clock.advance(10)
    world.up("second")
    world.clock.advance(10)
    world.create()
    world.host.stops_at_once = False
    for _ in range(5):
        world.reconcile()
        world.reconcile(("acme", "first"))
    assert world.model().observed.replicas[0].stage == "waiting for memory"
    assert world.status(("acme", "second")) is Status.READY
    world.host.finish_stop(world.model(("acme", "first")).resource)
    world.settle()
    assert world.status() is Status.READY


def test_one_that_was_just_made_is_not_the_first_to_go():
    world = World(host=FakeModelHost(budget_mib=200, memory_mib=100))
    world.up("used")
    hold(world.registry, ("acme", "used"), "gateway", lease_s=1)
    world.clock.advance(10)
    world.up("new")
    world.create()
    assert world.reconcile().others == (("acme", "used"),)


def test_room_is_made_for_what_a_model_needs_now_not_for_what_was_guessed():
    world = World(host=FakeModelHost(budget_mib=250, memory_mib=10))
    world.create()
    world.host.memory_mib = 100
    world.up("first")
    world.clock.advance(1)
    world.up("second")
    assert world.reconcile().others == (("acme", "first"),)


def test_waiting_for_memory_is_no_failure():
    world = World(host=FakeModelHost(budget_mib=200, memory_mib=100))
    world.up()
    world.up("other", sleep_after_s=None)
    world.host.fail(world.model().resource)
    world.host.budget_mib = 100
    for _ in range(10):
        world.reconcile()
        world.clock.advance(1)
    assert world.model().failures == 1
    assert world.status() is Status.WAKING
    assert "needs 100 MiB" in world.model().observed.replicas[0].stage


def test_a_host_without_a_budget_that_has_no_room_is_asked_again_later():
    world = World()
    world.create()
    world.host.raises["start"] = NoRoom("No machine is free.")
    outcome = world.reconcile()
    assert (outcome.others, outcome.again_at) == ((), world.clock.now() + timedelta(seconds=NO_ROOM_S))
    assert world.model().observed.replicas[0].stage == "No machine is free."


def test_one_that_changes_between_look_and_write_is_not_put_to_sleep():
    world = World(host=FakeModelHost(budget_mib=100, memory_mib=100))
    world.up("first")
    world.create()

    def use_at_the_third_write(left=3):
        def count(_):
            if left > 1:
                world.table.before_write = use_at_the_third_write(left - 1)
            else:
                hold(world.registry, ("acme", "first"), "gateway", lease_s=60)

        return count

    world.table.before_write = use_at_the_third_write()  # after those of the lease and of the intent
    assert world.reconcile().others == ()
    assert world.model(("acme", "first")).desired is Desired.RUNNING


def test_one_that_was_woken_of_late_stays_before_one_that_was_used_of_late():
    world = World(host=FakeModelHost(budget_mib=200, memory_mib=100))
    for name in ("woken", "used"):
        world.up(name)
        hold(world.registry, ("acme", name), "gateway", lease_s=1)
        world.clock.advance(10)
    change.sleep(world.registry, ("acme", "woken"))
    world.settle(("acme", "woken"))
    world.clock.advance(10)
    change.wake(world.registry, ("acme", "woken"))
    world.settle(("acme", "woken"))
    world.create()
    assert world.reconcile().others == (("acme", "used"),)


def test_while_one_leaves_no_other_is_put_to_sleep_for_the_same_room():
    world = World(host=FakeModelHost(budget_mib=200, memory_mib=100))
    for name in ("first", "second"):
        world.up(name)
        world.clock.advance(10)
    world.host.stops_at_once = False
    world.create()
    assert world.reconcile().others == (("acme", "first"),)
    world.settle(("acme", "first"))
    world.clock.advance(10)
    assert world.reconcile().others == ()
    assert world.model().observed.replicas[0].stage == "waiting for memory"
    world.host.finish_stop(world.model(("acme", "first")).resource)
    world.settle()
    assert [world.status(key) for key in (("acme", "second"), GREETER)] == [Status.READY, Status.READY]


def test_room_is_made_for_one_replica_at_a_time_and_for_no_more():
    world = World(host=FakeModelHost(budget_mib=200, memory_mib=100))
    for name in ("first", "second"):
        world.up(name)
        world.clock.advance(10)
    made = world.create(replicas=2)
    assert make_room(world.registry, made) == (("acme", "first"),)
