"""Updates: new replicas beside old ones, one after the other where there is no room, or by the host itself."""

from dataclasses import replace
from decimal import Decimal

from llmanager.models.actions import HoldRange, Revise, StartReplica, StopReplica
from llmanager.models.entities import Observation, Replica, ReplicaState, Scaling, Status
from llmanager.models.reconcile import status
from llmanager.models.roster import DRAIN_S
from tests.unit.models.samples import NOTHING, READY, at, decide, held, running, seeing

CHANGED = replace(running(), revision=2, revised_at=at(10))


def seen(*replicas: tuple[ReplicaState, int]) -> Observation:
    """Replica 0 in that state and of that revision, 1, ..."""
    return Observation(True, tuple(Replica(i, state, revision=of) for i, (state, of) in enumerate(replicas)))


OLD, NEW = (ReplicaState.READY, 1), (ReplicaState.READY, 2)
COMING = (ReplicaState.STARTING, 2)


def test_a_new_replica_starts_beside_the_old_one_which_goes_on_serving():
    decision = decide(CHANGED, READY, held(until_s=99), seconds=11)
    assert decision.actions == (StartReplica(1),)
    assert status(decision.model) is Status.UPDATING
    waiting = decide(decision.model, seen(OLD, COMING), held(until_s=99), seconds=12)
    assert waiting.actions == ()
    assert waiting.again_at == at(13)


def test_the_old_one_leaves_when_the_new_one_is_ready_and_stops_when_its_requests_are_done():
    ready = decide(CHANGED, seen(OLD, NEW), held(until_s=99), seconds=20, busy=frozenset({0}))
    assert ready.actions == ()
    assert [r.state for r in ready.model.observed.replicas] == [ReplicaState.STOPPING, ReplicaState.READY]
    assert decide(ready.model, seen(OLD, NEW), held(until_s=99), seconds=21, busy=frozenset({0})).actions == ()
    done = decide(ready.model, seen(OLD, NEW), held(until_s=99), seconds=21, busy=frozenset({1}))
    assert done.actions == (StopReplica(0),)
    late = decide(ready.model, seen(OLD, NEW), held(until_s=9999), seconds=20 + DRAIN_S, busy=frozenset({0}))
    assert late.actions == (StopReplica(0),)


def test_it_is_over_when_only_new_ones_are_left():
    over = decide(CHANGED, Observation(True, (Replica(1, ReplicaState.READY, revision=2),)), seconds=30)
    assert over.actions == ()
    assert status(over.model) is Status.READY


def test_two_old_ones_are_replaced_by_two_new_ones():
    two = replace(CHANGED, spec=replace(CHANGED.spec, scaling=Scaling(min=2, max=2)))
    assert decide(two, seen(OLD, OLD), seconds=11).actions == (StartReplica(2), StartReplica(3))
    half = decide(two, seen(OLD, OLD, NEW, COMING), seconds=12)
    assert half.actions == (), "none leaves before all new ones are ready"
    assert decide(two, seen(OLD, OLD, NEW, NEW), seconds=13).actions == (StopReplica(0), StopReplica(1))


def test_without_room_for_both_the_old_one_leaves_first_and_requests_wait_for_the_new_one():
    tight = replace(CHANGED, may_surge=False)
    draining = decide(tight, READY, held(until_s=99), seconds=11)
    assert draining.actions == ()
    stopping = decide(draining.model, READY, seconds=12)
    assert stopping.actions == (StopReplica(0),)
    assert decide(stopping.model, seeing(ReplicaState.STOPPING), seconds=13).actions == ()
    assert decide(stopping.model, NOTHING, seconds=14).actions == (StartReplica(0),)


def test_an_update_that_finds_one_stopping_does_not_wait_for_it():
    decision = decide(CHANGED, seen(OLD, (ReplicaState.STOPPING, 1)), seconds=11)
    assert decision.actions == (StartReplica(2),)


def test_where_failed_replicas_are_tried_again_none_of_them_is_stopped():
    two = replace(CHANGED, spec=replace(CHANGED.spec, scaling=Scaling(min=2, max=2)))
    both = seen((ReplicaState.FAILED, 2), (ReplicaState.FAILED, 2))
    waiting = decide(two, both, seconds=20)
    assert waiting.actions == ()
    assert decide(waiting.model, both, seconds=22).actions == (StartReplica(0), StartReplica(1))


def test_a_new_replica_that_fails_leaves_the_old_one_serving():
    failing = (ReplicaState.FAILED, 2)
    decision = decide(CHANGED, seen(OLD, failing), seconds=20)
    assert decision.actions == (StartReplica(1),)
    assert status(decision.model) is Status.UPDATING
    assert decision.model.failures == 1


def test_a_failed_old_replica_is_started_anew_in_its_place():
    decision = decide(CHANGED, seen((ReplicaState.FAILED, 1)), seconds=20)
    assert decision.actions == (StartReplica(0),)


def test_a_host_that_rolls_out_by_itself_is_asked_until_its_replicas_are_new():
    decision = decide(CHANGED, READY, held(until_s=99), seconds=11, replaces_in_place=True)
    assert decision.actions == (Revise(),)
    assert decide(decision.model, READY, seconds=12, replaces_in_place=True).actions == (Revise(),)
    assert decide(decision.model, seen(NEW), seconds=13, replaces_in_place=True).actions == ()


def test_the_floor_comes_before_a_rollout_that_may_be_refused():
    cloud = {"replaces_in_place": True, "scales_itself": True}
    loose = replace(READY, ceiling=1)
    assert decide(CHANGED, loose, held(until_s=99), seconds=11, **cloud).actions == (HoldRange(1, 1), Revise())


def test_of_too_many_those_that_are_not_ready_leave():
    m = replace(running(), spec=replace(running().spec, scaling=Scaling(max=2)))
    one_again = seeing(ReplicaState.STARTING, ReplicaState.READY)
    decision = decide(m, one_again, seconds=1)
    assert decision.actions == (StopReplica(0),), "the ready one goes on serving"


def test_a_platform_that_scales_itself_may_run_more_than_we_asked_for():
    both = replace(seeing(ReplicaState.READY, ReplicaState.READY), floor=0)
    assert decide(running(), both, seconds=1, scales_itself=True).actions == ()


def test_a_range_that_a_host_shows_is_left_alone_where_the_platform_does_not_scale():
    assert decide(running(), replace(READY, ceiling=1), held(until_s=99), seconds=1).actions == ()


def test_the_platform_keeps_a_floor_while_the_model_is_in_use():
    cloud = {"scales_itself": True}
    loose, kept = replace(READY, ceiling=1), replace(READY, floor=1, ceiling=1)
    soon = running(sleep_after_s=600)
    assert decide(running(), loose, held(until_s=99), seconds=1, **cloud).actions == (HoldRange(1, 1),)
    assert decide(running(), kept, held(until_s=99), seconds=1, **cloud).actions == ()
    assert decide(soon, kept, seconds=1, **cloud).actions == (HoldRange(0, 1),), "it may end what we cannot"
    later = running(sleep_after_s=900)
    assert decide(later, kept, seconds=1, **cloud).actions == (), "it knows no leases, and would be as soon as we are"
    assert decide(running(sleep_after_s=None), loose, seconds=1, **cloud).actions == (HoldRange(1, 1),)
    assert decide(running(), READY, seconds=1, **cloud).actions == (), "there is no range to change yet"
    raised = replace(running(), spec=replace(running().spec, scaling=Scaling(max=3)))
    assert decide(raised, kept, held(until_s=99), seconds=1, **cloud).actions == (HoldRange(1, 3),)


def test_the_platform_does_not_end_what_only_its_gpus_can_tell_to_be_idle():
    m = running(sleep_after_s=300)
    picky = replace(m, spec=replace(m.spec, gpu_idle_below_percent=Decimal(5)))
    loose = replace(READY, ceiling=1)
    assert decide(picky, loose, seconds=1, scales_itself=True, measures_gpus=True).actions == (HoldRange(1, 1),)
    assert decide(picky, loose, seconds=1, scales_itself=True).actions == ()
