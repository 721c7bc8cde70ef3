from dataclasses import replace

import pytest

from llmanager.kernel.errors import InvalidInput, Throttled, Unavailable
from llmanager.kernel.table import Delete
from llmanager.models import rows
from llmanager.models.entities import Desired, Status
from llmanager.models.ports import HostTraits
from llmanager.models.usecases import change
from llmanager.models.usecases.reconcile import LEASE_S, Outcome
from llmanager.models.usecases.use import hold, let_go
from tests.fakes.clock import NOON
from tests.fakes.model_host import FakeModelHost
from tests.fakes.orders import held_by
from tests.unit.models.samples import at
from tests.unit.models.usecases.world import GREETER, World

SINGER = ("acme", "singer")


def test_a_model_is_created_slept_woken_and_deleted():
    world = World()
    world.up()
    assert world.status() is Status.READY
    change.sleep(world.registry, GREETER)
    world.settle()
    assert (world.status(), held_by(world.host)) == (Status.ASLEEP, ())
    change.wake(world.registry, GREETER)
    world.settle()
    assert world.status() is Status.READY
    change.delete(world.registry, GREETER)
    world.settle()
    assert world.registry.find(GREETER) is None
    assert held_by(world.host) == ()


def test_a_settled_model_costs_no_write():
    world = World()
    world.up()
    refused = Throttled("no writes, please")

    def refuse(_):
        raise refused

    world.table.before_write = refuse
    assert world.reconcile().again_at is not None
    assert world.table.before_write is refuse


def test_what_was_guessed_before_its_weights_were_here_is_put_right_when_it_is_up():
    world = World()
    guess = world.create().quote
    world.host.memory_mib = 140
    world.settle()
    assert (guess.memory_mib, world.model().quote.memory_mib) == (100, 140)


def test_a_model_is_up_even_if_its_quote_cannot_be_had_again():
    world = World()
    guess = world.create().quote
    world.host.starts_at_once = False
    world.settle()
    world.host.raises["quote"] = InvalidInput("The file is gone.")
    world.host.become_ready(world.model().resource)
    world.settle()
    assert (world.status(), world.model().quote) == (Status.READY, guess)


def test_the_row_is_saved_before_the_host_acts():
    world = World()
    world.create()
    world.host.raises["start"] = Throttled("The cloud is busy.")
    with pytest.raises(Throttled):
        world.reconcile()
    assert [r.state for r in world.model().observed.replicas] == ["starting"]
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
    assert world.reconcile().again_at == at(1)
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


def test_delete_wins_over_create_while_it_is_creating():
    world = World()
    world.host.starts_at_once = False
    world.create()
    world.reconcile()
    change.delete(world.registry, GREETER)
    world.settle()
    assert world.registry.find(GREETER) is None
    assert held_by(world.host) == ()


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
    world = World(host=FakeModelHost(traits=HostTraits(gone_after_s=60)))
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


def test_a_host_that_lost_everything_is_brought_back():
    world = World()
    world.up()
    world.host.forget_everything()
    world.settle()
    assert world.status() is Status.READY
    assert [c[0] for c in world.host.calls] == ["start", "start"]


def test_two_replicas_are_kept():
    world = World()
    world.create(replicas=2)
    world.settle()
    resource = world.model().resource
    assert len(world.host.endpoints(resource)) == 2
    world.host.fail(resource, replica=1)
    world.settle()
    assert len(world.host.endpoints(resource)) == 2


def test_a_lease_that_a_cut_off_pass_left_is_taken_over_by_its_owner_at_once():
    world = World()
    world.create()
    world.table.put(rows.lease_row(GREETER, "tester", NOON.replace(hour=13)), "absent")
    world.settle()
    assert world.status() is Status.READY


def test_a_second_replica_that_cannot_start_leaves_the_first_alone_and_is_not_repeated():
    world = World()
    world.create(replicas=2)
    world.reconcile()
    world.host.fail(world.model().resource, replica=1)
    world.host.finish_stop(world.model().resource, replica=1)
    world.host.raises["start"] = InvalidInput("The engine 'x' is gone.")
    world.settle()
    assert (world.status(), world.model().failure) == (Status.READY, "The engine 'x' is gone.")
    assert len(world.host.calls) == 3


def test_a_pass_that_lost_its_lease_drops_no_row():
    world = World()
    world.up()
    change.delete(world.registry, GREETER)
    world.reconcile()
    lease = (rows.lease_partition("acme"), "greeter")

    def lose_it_before_the_drop(actions):
        world.table.before_write = lose_it_before_the_drop
        if any(isinstance(action, Delete) and action.partition.startswith("model#") for action in actions):
            world.table.before_write = lambda _: None
            world.table.delete(*lease)

    world.table.before_write = lose_it_before_the_drop
    world.reconcile()
    assert world.status() is Status.DELETING
    world.settle()
    assert world.registry.find(GREETER) is None


def test_an_update_that_the_host_refuses_for_good_is_told_once_and_the_old_replicas_serve_on():
    world = World(host=FakeModelHost(traits=HostTraits(replaces_in_place=True)))
    model = world.up()
    change.update(world.registry, GREETER, lambda spec: replace(spec, context_tokens=512), accept_unknown_price=True)
    for _ in range(3):
        world.host.raises["revise"] = InvalidInput("The quota is reached. Ask for more.")
        world.reconcile()
    told = world.model()
    assert (told.failure, world.status()) == ("The quota is reached. Ask for more.", Status.UPDATING)
    assert [event.what for event in told.events].count("cannot be updated") == 1
    assert world.host.endpoints(model.resource)
    world.settle()
    assert (world.model().failure, world.status()) == ("", Status.READY)


def test_tags_that_cannot_be_written_keep_nothing_running():
    world = World(host=FakeModelHost(traits=HostTraits(is_billed=True)))
    model = world.up()
    change.update(world.registry, GREETER, lambda spec: replace(spec, ttl_s=99_999), accept_unknown_price=True)
    change.sleep(world.registry, GREETER)
    world.host.raises["retag"] = Unavailable("AWS does not allow this server to add tags.")
    with pytest.raises(Unavailable):
        world.reconcile()
    assert ("stop", model.resource, 0) in world.host.calls
