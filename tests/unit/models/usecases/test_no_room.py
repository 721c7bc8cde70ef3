"""A start that the host refuses, for now or for good: what the row says then, who makes room, and when to come back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from llmanager.kernel.errors import InvalidInput, NoRoom
from llmanager.models import rows
from llmanager.models.entities import Event, Replica, ReplicaState, Scaling, Status
from llmanager.models.usecases import change
from llmanager.models.usecases.reconcile import NO_ROOM_S, ROOM_SOON_S
from tests.fakes.model_host import FakeModelHost
from tests.unit.models.usecases.world import GREETER, World

SLEEPER = ("acme", "sleeper")  # up, and may be put to sleep


def tight(*, room_for: int) -> World:
    return World(host=FakeModelHost(budget_mib=room_for * 100, memory_mib=100))


def after(world: World, seconds: float):
    return world.clock.now() + timedelta(seconds=seconds)


def revise(world: World, **fields: object) -> None:
    change.update(world.registry, GREETER, lambda spec: replace(spec, **fields), accept_unknown_price=False)


def test_for_a_model_that_is_not_up_another_one_sleeps_and_it_is_tried_again_soon():
    world = tight(room_for=1)
    world.up("sleeper")
    world.create()
    outcome = world.reconcile()
    assert (outcome.others, outcome.again_at) == ((SLEEPER,), after(world, ROOM_SOON_S))
    assert world.model().observed.replicas == (Replica(0, ReplicaState.STARTING, stage="waiting for memory"),)


def test_while_others_leave_it_is_tried_again_soon_too():
    world = tight(room_for=1)
    world.up("sleeper")
    world.create()
    world.reconcile()
    outcome = world.reconcile()
    assert (outcome.others, outcome.again_at) == ((), after(world, ROOM_SOON_S))


def test_one_more_replica_of_a_model_that_is_up_puts_nobody_to_sleep_and_says_what_it_waits_for():
    world = tight(room_for=2)
    world.up("sleeper")
    world.up()
    revise(world, scaling=Scaling(min=2, max=2))
    outcome = world.reconcile()
    assert (outcome.others, outcome.again_at) == ((), after(world, NO_ROOM_S))
    assert world.status(SLEEPER) is Status.READY
    serving, waiting = world.model().observed.replicas
    assert (serving.state, serving.stage) == (ReplicaState.READY, "")
    assert (waiting.state, waiting.stage) == (ReplicaState.STARTING, "It needs 100 MiB and 0 are free.")


def test_an_update_without_room_for_both_lets_the_old_one_leave_first_and_puts_nobody_to_sleep():
    world = tight(room_for=2)
    world.up("sleeper")
    world.up()
    revise(world, context_tokens=512)
    outcome = world.reconcile()
    assert (outcome.others, outcome.again_at) == ((), world.clock.now())
    assert not world.model().may_surge
    world.settle()
    assert (world.status(), world.status(SLEEPER)) == (Status.READY, Status.READY)
    assert world.model().running_revision == 2
    assert [call[0] for call in world.host.calls[-2:]] == ["stop", "start"]


def test_with_room_for_both_the_new_one_starts_first():
    world = tight(room_for=2)
    world.up()
    revise(world, context_tokens=512)
    world.settle()
    assert world.model().may_surge
    assert [call[0] for call in world.host.calls[-2:]] == ["start", "stop"]


def test_what_the_host_refuses_for_good_is_a_failure_with_its_reason_and_nothing_is_tried_again():
    world = World()
    world.create(replicas=2)
    world.host.raises["start"] = InvalidInput("The engine 'x' is gone.")
    assert world.reconcile().again_at is None
    m = world.model()
    failed = Replica(0, ReplicaState.FAILED, reason="The engine 'x' is gone.", is_final=True)
    assert m.observed.replicas == (failed, Replica(1, ReplicaState.STARTING))
    assert (m.failure, m.retry_at) == ("The engine 'x' is gone.", None)
    assert m.events[-1] == Event(world.clock.now(), "cannot start", "The engine 'x' is gone.")


def test_a_model_that_was_woken_and_is_refused_for_good_is_not_tried_again_either():
    world = World()
    world.up()
    change.sleep(world.registry, GREETER)
    world.settle()
    change.wake(world.registry, GREETER)
    world.host.raises["start"] = InvalidInput("The engine 'x' is gone.")
    world.settle()
    assert world.status() is Status.FAILED
    assert [call[0] for call in world.host.calls] == ["start", "stop", "start"]


@pytest.mark.parametrize("refusal", [NoRoom("No machine is free."), InvalidInput("The engine 'x' is gone.")])
def test_a_pass_that_lost_its_lease_while_the_host_refused_writes_nothing(refusal):
    world = World()
    world.create()

    def refuse(order, replica):
        world.table.delete(rows.lease_partition("acme"), "greeter")
        raise refusal

    world.host.start = refuse
    assert world.reconcile().again_at == world.clock.now(), "decide again on what stands then"
    assert world.model().observed.replicas == (Replica(0, ReplicaState.STARTING),)
    assert world.status() is Status.CREATING


def test_a_pass_that_lost_its_lease_while_an_update_found_no_room_leaves_the_old_one_serving():
    world = tight(room_for=1)
    world.up()
    revise(world, context_tokens=512)

    def refuse(order, replica):
        world.table.delete(rows.lease_partition("acme"), "greeter")
        raise NoRoom("Full.")

    world.host.start = refuse
    world.reconcile()
    assert world.model().may_surge
