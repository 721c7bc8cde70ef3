"""Stops that requests may be under way to, and failures of one replica beside another."""

from dataclasses import replace

from llmanager.models.actions import StartReplica, StopReplica
from llmanager.models.entities import Desired, ReplicaState, Scaling, Use
from llmanager.models.limits import sleeps_at
from llmanager.models.reconcile import FAILED_AFTER, wishing
from llmanager.models.roster import DRAIN_S
from tests.unit.models.samples import NOON, READY, STARTING, at, model, seeing, sight
from tests.unit.models.test_reconcile import UNUSED, decide, held, running

BOTH = seeing(ReplicaState.READY, ReplicaState.READY)


def test_the_row_says_stopping_before_the_host_is_asked():
    asleep = decide(wishing(running(), Desired.ASLEEP, at(10), "asked for"), READY, seconds=10)
    assert asleep.actions == (StopReplica(0),)
    assert states(asleep) == [ReplicaState.STOPPING]
    idle = decide(running(), READY, seconds=900)
    assert states(idle) == [ReplicaState.STOPPING]
    surplus = decide(running(), BOTH, seconds=1, busy=frozenset({1}))
    assert states(surplus) == [ReplicaState.READY, ReplicaState.STOPPING]


def test_a_replica_that_starts_is_not_said_to_stop_before_it_does():
    asleep = decide(wishing(model(running_revision=1), Desired.ASLEEP, at(1), "asked for"), STARTING, seconds=1)
    assert asleep.model.observed == STARTING


def test_a_replica_that_is_one_too_many_is_stopped_when_nobody_uses_the_model_and_only_then():
    draining = decide(running(), BOTH, held(until_s=999), seconds=11)
    assert (draining.actions, draining.again_at) == ((), at(12))
    assert draining.model.observed.replicas[1].leaving_at == at(11)
    late = decide(draining.model, BOTH, held(until_s=999), seconds=11 + DRAIN_S)
    assert (late.actions, late.needs_no_use) == ((StopReplica(1),), False)
    unused = decide(draining.model, BOTH, seconds=12)
    assert (unused.actions, unused.needs_no_use) == ((StopReplica(1),), True)


def test_where_requests_are_counted_only_those_of_the_leaving_replica_are_waited_for():
    told = decide(running(), BOTH, seconds=11, busy=frozenset({0}))
    assert told.actions == (), "a request may have been given to it just now"
    assert decide(told.model, BOTH, held(until_s=999), seconds=12, busy=frozenset({0, 1})).actions == ()
    stopped = decide(told.model, BOTH, held(until_s=999), seconds=12, busy=frozenset({0}))
    assert (stopped.actions, stopped.needs_no_use) == ((StopReplica(1),), False)


def test_one_that_is_still_starting_is_waited_for_by_nobody():
    one_too_many = seeing(ReplicaState.READY, ReplicaState.STARTING)
    assert decide(running(), one_too_many, held(until_s=999), seconds=11).actions == (StopReplica(1),)


def test_a_failed_one_that_nobody_needs_is_forgotten():
    crashed = seeing(ReplicaState.FAILED, ReplicaState.READY)
    forgotten = decide(running(), crashed, held(until_s=999), seconds=11)
    assert forgotten.actions == (StopReplica(0),)
    assert forgotten.again_at == at(12), "it is seen soon whether it is gone"


def test_a_replica_that_was_told_to_leave_long_ago_is_not_told_anew():
    draining = decide(running(), BOTH, held(until_s=999), seconds=11)
    again = decide(draining.model, BOTH, held(until_s=999), seconds=30)
    assert again.model.observed.replicas[1].leaving_at == at(11)


def test_one_that_stops_is_waited_for_before_another_takes_its_place():
    stopping = seeing(ReplicaState.STOPPING)
    waiting = decide(running(), stopping, seconds=11)
    assert (waiting.actions, waiting.again_at) == ((), at(12))
    two = replace(running(), spec=replace(running().spec, scaling=Scaling(min=2)))
    assert decide(two, stopping, seconds=11).actions == (StartReplica(1),)


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


def states(decision):
    return [replica.state for replica in decision.model.observed.replicas]


def test_an_open_request_puts_the_sleep_off():
    assert sleeps_at(running(), sight(UNUSED), at(100)) == at(900)
    assert sleeps_at(running(), sight(Use(last_used_at=at(50))), at(100)) == at(950)
    assert sleeps_at(running(), sight(held(until_s=200)), at(100)) == at(1000)


def test_nothing_that_is_held_sleeps_however_short_its_limit():
    at_once = replace(running(), spec=replace(running().spec, sleep_after_s=0, delete_after_s=0))
    assert decide(at_once, READY, held(until_s=99), seconds=1).model.desired is Desired.RUNNING
    assert decide(at_once, READY, seconds=1).model.desired is Desired.ASLEEP
