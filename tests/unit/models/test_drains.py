"""Stops that requests may be under way to, and failures of one replica beside another."""

from dataclasses import replace

from llmanager.models.entities import Desired, Replica, ReplicaState, Scaling, Use
from llmanager.models.actions import StartReplica, StopReplica
from llmanager.models.limits import sleeps_at
from llmanager.models.reconcile import FAILED_AFTER, wishing
from llmanager.models.roster import DRAIN_S
from tests.unit.models.samples import NOON, READY, STARTING, at, model, seeing, sight
from tests.unit.models.test_reconcile import UNUSED, decide, held, running

BOTH = seeing(ReplicaState.READY, ReplicaState.READY)


def test_the_row_says_stopping_before_the_host_is_asked():
    asleep = decide(wishing(running(), Desired.ASLEEP, at(10), "asked for"), READY, seconds=10)
    assert asleep.actions == (StopReplica(0),)
    assert asleep.model.observed.replicas == (Replica(0, ReplicaState.STOPPING),)
    idle = decide(running(), READY, seconds=900)
    assert idle.model.observed.replicas == (Replica(0, ReplicaState.STOPPING),)
    changed = decide(replace(running(), revision=2), READY, seconds=900)
    assert changed.model.observed.replicas == (Replica(0, ReplicaState.STOPPING),)


def test_a_replica_that_starts_is_not_said_to_stop_before_it_does():
    asleep = decide(wishing(model(running_revision=1), Desired.ASLEEP, at(1), "asked for"), STARTING, seconds=1)
    assert asleep.model.observed == STARTING


def test_a_replacement_is_saved_only_if_nobody_begins_to_use_it_unless_it_is_overdue():
    changed = replace(running(), revision=2, revised_at=at(10))
    assert decide(changed, READY, seconds=11).needs_no_use
    late = decide(changed, READY, held(until_s=999), seconds=10 + DRAIN_S)
    assert late.actions == (StopReplica(0),)
    assert not late.needs_no_use
    assert late.again_at == at(11 + DRAIN_S)


def test_requests_are_waited_for_when_replicas_grow_fewer_and_a_lost_one_is_restored_meanwhile():
    one = replace(running(), revised_at=at(10))
    draining = decide(one, BOTH, held(until_s=999), seconds=11)
    assert (draining.actions, draining.again_at) == ((), at(12))
    assert decide(one, BOTH, held(until_s=999), seconds=10 + DRAIN_S).actions == (StopReplica(1),)
    crashed = seeing(ReplicaState.FAILED, ReplicaState.READY)
    assert decide(one, crashed, held(until_s=999), seconds=11).actions == (StartReplica(0),)


def test_one_replica_that_fails_over_and_over_beside_another_is_tried_ever_more_slowly():
    m = replace(running(), spec=replace(running().spec, scaling=Scaling(min=2)))
    seconds, starts = 0.0, 0
    while seconds < 120:
        failed = decide(m, seeing(ReplicaState.READY, ReplicaState.FAILED), seconds=seconds)
        m = failed.model
        if failed.actions:
            starts += 1
            m = decide(m, seeing(ReplicaState.READY, ReplicaState.STARTING), seconds=seconds).model
        seconds += 0.1
    assert FAILED_AFTER < starts < 12
    assert m.failures >= FAILED_AFTER
    whole = decide(m, BOTH, seconds=seconds).model
    assert (whole.failures, whole.retry_at, whole.failure) == (0, None, "")


def test_a_failed_replica_that_is_one_too_many_is_no_failure():
    surplus = decide(running(), seeing(ReplicaState.READY, ReplicaState.FAILED), seconds=1)
    assert surplus.model.failures == 0
    assert surplus.actions == (StopReplica(1),)


def test_a_model_in_use_is_looked_at_again_in_time_and_not_at_once():
    short = running(sleep_after_s=5)
    for seconds in (6, 100, 1000):
        again_at = decide(short, READY, held(until_s=5000), seconds=seconds).again_at
        assert again_at == at(seconds + 5)
    asleep = wishing(running(delete_after_s=5), Desired.ASLEEP, NOON, "idle")
    assert decide(asleep, seeing(exists=False), held(until_s=5000), seconds=50).again_at == at(55)


def test_an_open_request_puts_the_sleep_off():
    assert sleeps_at(running(), sight(UNUSED), at(100)) == at(900)
    assert sleeps_at(running(), sight(Use(last_used_at=at(50))), at(100)) == at(950)
    assert sleeps_at(running(), sight(held(until_s=200)), at(100)) == at(1000)


def test_nothing_that_is_held_sleeps_however_short_its_limit():
    at_once = replace(running(), spec=replace(running().spec, sleep_after_s=0, delete_after_s=0))
    assert decide(at_once, READY, held(until_s=99), seconds=1).model.desired is Desired.RUNNING
    assert decide(at_once, READY, seconds=1).model.desired is Desired.ASLEEP
