from dataclasses import replace

import pytest

from llmanager.kernel.errors import InvalidInput, Throttled
from llmanager.models import rows
from llmanager.models.entities import Desired, Status
from llmanager.models.errors import ModelNotFound
from llmanager.models.usecases import change
from llmanager.models.usecases.reconcile import LEASE_S, Outcome, reconcile_once
from llmanager.models.usecases.sweep import sweep
from llmanager.models.usecases.use import hold, let_go
from tests.fakes.clock import NOON
from tests.fakes.model_host import FakeModelHost
from tests.unit.models.usecases.world import GREETER, World

SINGER = ("acme", "singer")


def test_a_model_is_created_slept_woken_and_deleted():
    world = World()
    world.up()
    assert world.status() is Status.READY
    change.sleep(world.registry, GREETER)
    world.settle()
    assert (world.status(), world.host.resources()) == (Status.ASLEEP, ())
    change.wake(world.registry, GREETER)
    world.settle()
    assert world.status() is Status.READY
    change.delete(world.registry, GREETER)
    world.settle()
    assert world.registry.find(GREETER) is None
    assert world.host.resources() == ()


def test_a_settled_model_costs_no_write():
    world = World()
    world.up()
    refused = Throttled("no writes, please")

    def refuse(_):
        raise refused

    world.table.before_write = refuse
    assert world.reconcile().again_at is not None
    assert world.table.before_write is refuse


def test_the_row_is_saved_before_the_host_acts():
    world = World()
    world.create()
    world.host.raises["start"] = Throttled("The cloud is busy.")
    with pytest.raises(Throttled):
        world.reconcile()
    assert world.model().running_revision == 1
    world.settle()
    assert world.status() is Status.READY


def test_a_pass_that_is_interrupted_anywhere_is_finished_by_the_next():
    for writes_before_the_crash in range(4):
        world = World()
        world.create()
        crash_at_write(world, writes_before_the_crash)
        try:
            world.reconcile()
        except Throttled:
            world.clock.advance(LEASE_S + 1)  # its lease runs out
        world.table.before_write = lambda _: None
        world.settle()
        assert world.status() is Status.READY


def crash_at_write(world: World, number: int) -> None:
    def count_down(_):
        nonlocal number
        if number == 0:
            raise Throttled("crash")
        number -= 1
        world.table.before_write = count_down

    world.table.before_write = count_down


def test_while_another_holds_the_lease_nothing_is_done():
    world = World()
    world.create()
    world.table.put(rows.lease_row(GREETER, "another", NOON.replace(hour=13)), "absent")
    assert world.reconcile().again_at is not None
    assert world.host.calls == []


def test_the_lease_is_given_back():
    world = World()
    world.create()
    world.reconcile()
    assert world.table.get(rows.lease_partition("acme"), "greeter") is None


def test_a_model_that_is_not_there_needs_nothing():
    assert World().reconcile() == Outcome()


def test_an_idle_model_sleeps_and_a_used_one_does_not():
    world = World()
    world.up()
    world.clock.advance(899)
    hold(world.registry, GREETER, "gateway", lease_s=60)
    world.clock.advance(30)
    world.settle()
    assert world.status() is Status.READY
    let_go(world.registry, GREETER, "gateway")
    world.clock.advance(900)
    world.settle()
    assert world.status() is Status.ASLEEP


def test_a_use_that_begins_between_decision_and_write_keeps_the_model_up():
    world = World()
    world.up()
    world.clock.advance(1000)

    def begin_use_at_the_second_write(_):
        world.table.before_write = lambda _: hold(world.registry, GREETER, "gateway", lease_s=60)

    world.table.before_write = begin_use_at_the_second_write  # the first write is the lease of the pass
    world.reconcile()
    assert world.status() is Status.READY
    assert world.model().desired is Desired.RUNNING


def test_a_use_that_begins_just_after_sees_the_sleep():
    world = World()
    world.up()
    world.clock.advance(1000)
    world.settle()
    hold(world.registry, GREETER, "gateway", lease_s=60)
    assert world.model().desired is Desired.ASLEEP


def test_only_models_that_exist_can_be_held():
    with pytest.raises(ModelNotFound):
        hold(World().registry, GREETER, "gateway", lease_s=60)


def test_leases_that_ran_out_are_forgotten_by_the_next():
    world = World()
    world.up()
    hold(world.registry, GREETER, "old", lease_s=60)
    world.clock.advance(61)
    hold(world.registry, GREETER, "new", lease_s=60)
    assert list(world.registry.use(GREETER).holders) == ["new"]


def test_delete_wins_over_create_while_it_is_creating():
    world = World()
    world.host.starts_at_once = False
    world.create()
    world.reconcile()
    change.delete(world.registry, GREETER)
    world.settle()
    assert world.registry.find(GREETER) is None
    assert world.host.resources() == ()


def test_a_failed_delete_is_asked_for_again_and_the_row_stays():
    world = World()
    world.up()
    change.delete(world.registry, GREETER)
    for _ in range(5):
        world.host.raises["remove"] = Throttled("busy")
        with pytest.raises(Throttled):
            world.reconcile()
        assert world.status() is Status.DELETING
    world.settle()
    assert world.registry.find(GREETER) is None


def test_the_row_goes_last_where_the_host_may_lag():
    world = World(host=FakeModelHost(gone_after_s=60))
    world.up()
    change.delete(world.registry, GREETER)
    world.settle()
    assert world.status() is Status.DELETING
    world.clock.advance(60)
    world.settle()
    assert world.registry.find(GREETER) is None


def test_a_deleted_model_leaves_no_row_of_its_use():
    world = World()
    world.up()
    hold(world.registry, GREETER, "gateway", lease_s=60)
    change.delete(world.registry, GREETER)
    world.settle()
    assert world.registry.use(GREETER).last_used_at is None


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
    assert outcome.again_at is not None
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
            if key == ("acme", "first"):
                hold(world.registry, key, "gateway", lease_s=60)
            return found

    racing = UsedMeanwhile(**vars(world.registry))
    assert reconcile_once(racing, GREETER, "tester").others == ()
    assert world.model(("acme", "first")).desired is Desired.RUNNING


def test_what_the_host_refuses_for_good_is_told_and_not_repeated():
    world = World()
    world.create()
    world.host.raises["start"] = InvalidInput("The engine 'x' is gone.")
    world.settle()
    assert world.status() is Status.FAILED
    assert world.model().failure == "The engine 'x' is gone."
    starts = len(world.host.calls)
    world.clock.advance(3600)
    world.settle()
    assert len(world.host.calls) == starts


def test_an_update_replaces_replicas_and_a_limit_does_not():
    world = World()
    world.up()
    change.update(world.registry, GREETER, lambda s: replace(s, sleep_after_s=5), accept_unknown_price=False)
    world.settle()
    assert [c[0] for c in world.host.calls] == ["start"]
    change.update(world.registry, GREETER, lambda s: replace(s, context_tokens=512), accept_unknown_price=False)
    assert world.status() is Status.UPDATING
    world.settle()
    assert [c[0] for c in world.host.calls] == ["start", "stop", "start"]
    assert world.status() is Status.READY


def test_an_update_that_changes_nothing_writes_nothing():
    world = World()
    before = world.up()
    change.update(world.registry, GREETER, lambda s: s, accept_unknown_price=False)
    assert world.model() == before


def test_many_wakes_write_once():
    world = World()
    world.up()
    change.sleep(world.registry, GREETER)
    world.settle()
    written = len(world.changed)
    for _ in range(10):
        change.wake(world.registry, GREETER)
    assert len(world.changed) == written + 1


def test_a_change_is_made_on_top_of_another_that_was_first():
    world = World()
    world.up()
    world.table.before_write = lambda _: change.update(
        world.registry, GREETER, lambda s: replace(s, ttl_s=99), accept_unknown_price=False
    )
    change.sleep(world.registry, GREETER)
    assert (world.model().desired, world.model().spec.ttl_s) == (Desired.ASLEEP, 99)


def test_a_host_that_lost_everything_is_brought_back():
    world = World()
    world.up()
    world.host.forget_everything()
    world.settle()
    assert world.status() is Status.READY
    assert [c[0] for c in world.host.calls] == ["start", "start"]


def test_a_sweep_removes_what_has_no_row_and_nothing_else():
    world = World()
    kept = world.up()
    world.host.become_ready("lm-dev-orphan-aaaaaaaa")
    assert sweep(world.registry) == ("lm-dev-orphan-aaaaaaaa",)
    assert world.host.resources() == (kept.resource,)
    assert sweep(world.registry) == ()


def test_two_replicas_are_kept():
    world = World()
    world.create(replicas=2)
    world.settle()
    resource = world.model().resource
    assert len(world.host.endpoints(resource)) == 2
    world.host.fail(resource, replica=1)
    world.settle()
    assert len(world.host.endpoints(resource)) == 2


def test_models_are_listed_in_pages_by_tenant():
    world = World()
    for n in range(5):
        world.create(f"m{n}")
    first = world.registry.page("acme", limit=3, cursor=None)
    rest = world.registry.page("acme", limit=3, cursor=first.cursor)
    assert [m.name for m in (*first.items, *rest.items)] == ["m0", "m1", "m2", "m3", "m4"]
    assert rest.cursor is None
    assert world.registry.page("rival", limit=3, cursor=None).items == ()
    assert len(list(world.registry.every())) == 5
