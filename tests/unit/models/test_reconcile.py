"""The lifecycle's decisions, one sentence each."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from llmanager.models.actions import (
    ForgetModel,
    HoldRange,
    RemoveResource,
    Retag,
    Revise,
    StartReplica,
    StopReplica,
    describe,
)
from llmanager.models.entities import (
    MAX_EVENTS,
    Desired,
    Event,
    ReplicaState,
    Scaling,
    Status,
    Tagged,
    Window,
)
from llmanager.models.reconcile import (
    FAILED_AFTER,
    LOOK_AT_CLOUD_S,
    LOOK_S,
    Decision,
    needs_new_replicas,
    status,
    wishing,
    with_event,
)
from llmanager.models.roster import DRAIN_S
from tests.unit.models.samples import (
    FAILED,
    NOON,
    NOTHING,
    READY,
    STARTING,
    STOPPING,
    UNUSED,
    at,
    decide,
    held,
    model,
    running,
    seeing,
)

# toward running


def test_a_new_model_gets_its_replica():
    decision = decide(model(), NOTHING)
    assert decision.actions == (StartReplica(0),)
    assert status(decision.model) is Status.CREATING


def test_every_missing_replica_is_started():
    two = model(replicas=2)
    assert decide(two, NOTHING).actions == (StartReplica(0), StartReplica(1))
    assert decide(replace(two, running_revision=1), READY).actions == (StartReplica(1),)


def test_a_starting_replica_is_left_alone_and_looked_at_again():
    decision = decide(decide(model(), NOTHING).model, STARTING)
    assert decision.actions == ()
    assert decision.again_at == at(1)


def test_a_ready_replica_makes_the_model_ready():
    ready = running()
    assert status(ready) is Status.READY
    assert ready.ready_at == NOON
    assert [e.what for e in ready.events] == ["ready"]


def test_a_settled_model_is_not_written_again():
    ready = running()
    assert decide(ready, READY, seconds=5) == Decision(ready, again_at=at(900))


def test_surplus_replicas_are_stopped():
    one = running()
    both = seeing(ReplicaState.READY, ReplicaState.READY)
    assert decide(one, both).actions == (StopReplica(1),)


def test_a_woken_model_reads_as_waking_and_a_new_one_as_creating():
    lost = decide(running(), NOTHING, seconds=1).model
    assert status(lost) is Status.WAKING


# failures


def test_a_first_crash_is_repaired_at_once():
    crashed = decide(running(), FAILED, seconds=10)
    assert crashed.actions == (StartReplica(0),)
    assert status(crashed.model) is Status.WAKING


def test_one_crash_is_counted_once_however_often_it_is_seen():
    m = replace(running(), failures=1, retry_at=at(5))
    once = decide(m, FAILED, seconds=1).model
    again = decide(once, FAILED, seconds=1.1).model
    assert once.failures == again.failures == 2


def test_a_crash_right_after_a_restart_is_a_new_one():
    restarted = decide(running(), FAILED, seconds=10).model
    assert decide(restarted, FAILED, seconds=11).model.failures == 2


def test_repeated_crashes_are_told_and_tried_ever_more_slowly():
    m, seconds, waits = running(), 0.0, []
    for _ in range(12):
        decision = decide(m, FAILED, seconds=seconds)
        m = decision.model
        if not decision.actions:
            assert m.retry_at is not None
            waits.append((m.retry_at - at(seconds)).total_seconds())
            seconds += waits[-1]
            m = decide(m, FAILED, seconds=seconds).model
    assert waits == sorted(waits)
    assert waits[-1] == 60
    assert m.failures >= FAILED_AFTER
    assert status(m) is Status.FAILED
    assert m.failure == "it broke"


def test_the_waits_between_tries_double_from_two_seconds_to_a_minute():
    m, waits = running(), []
    for failure in range(1, 9):
        m = decide(replace(m, observed=STARTING), FAILED, seconds=1000 * failure).model
        assert m.retry_at is not None
        waits.append((m.retry_at - at(1000 * failure)).total_seconds())
    assert waits == [0, 2, 4, 8, 16, 32, 60, 60]


def test_users_are_told_of_the_third_failure_in_a_row_and_why_each_happened():
    m = running()
    for failure in (1, 2):
        m = decide(replace(m, observed=STARTING), FAILED, seconds=1000 * failure).model
        assert (status(m), m.failure) == (Status.WAKING, "")
    third = decide(replace(m, observed=STARTING), FAILED, seconds=3000).model
    assert (status(third), third.failure) == (Status.FAILED, "it broke")
    assert third.events[-1] == Event(at(3000), "replica failed", "it broke")


def test_what_cannot_be_repaired_is_not_tried_again():
    final = seeing(ReplicaState.FAILED, reason="The file is broken.", is_final=True)
    failed = decide(decide(model(), NOTHING).model, final)
    assert failed.actions == ()
    assert status(failed.model) is Status.FAILED
    assert decide(failed.model, final, seconds=3600 * 24).actions == ()


def test_a_wake_tries_a_failed_model_again():
    final = seeing(ReplicaState.FAILED, reason="The file is broken.", is_final=True)
    failed = decide(decide(model(), NOTHING).model, final).model
    woken = wishing(failed, Desired.RUNNING, at(9), "asked for")
    assert status(woken) is Status.CREATING
    assert (woken.failures, woken.failure, woken.retry_at) == (0, "", at(9))
    started = decide(woken, final, seconds=9)
    assert (started.actions, started.again_at) == ((StartReplica(0),), at(10))
    assert decide(started.model, STARTING, seconds=20).again_at == at(21), "a time that has come is not waited for"


def test_recovery_forgets_failures():
    broken = replace(running(), failures=5, failure="it broke", ready_at=None, observed=STARTING)
    whole = decide(broken, READY, seconds=9).model
    assert (whole.failures, whole.failure, status(whole)) == (0, "", Status.READY)


def test_one_of_two_replicas_that_fails_is_restarted_while_the_other_serves():
    m = model(replicas=2, running_revision=1, observed=seeing(ReplicaState.READY, ReplicaState.READY), ready_at=NOON)
    half = seeing(ReplicaState.READY, ReplicaState.FAILED)
    first = decide(m, half, seconds=1)
    assert first.actions == (StartReplica(1),)
    assert status(first.model) is Status.READY
    second = decide(first.model, half, seconds=2)
    assert second.again_at == second.model.retry_at
    assert decide(second.model, half, seconds=60).actions == (StartReplica(1),)


# asleep


def test_open_requests_are_waited_for_when_a_user_puts_a_model_to_sleep():
    asleep = wishing(running(), Desired.ASLEEP, at(10), "asked for")
    waiting = decide(asleep, READY, held(until_s=60), seconds=11)
    assert (waiting.actions, waiting.again_at) == ((), at(12))
    assert decide(asleep, READY, UNUSED, seconds=11).actions == (StopReplica(0),)
    assert decide(asleep, READY, held(until_s=600), seconds=10 + DRAIN_S).actions == (StopReplica(0),)


def test_a_stopping_replica_is_not_stopped_twice():
    asleep = wishing(running(), Desired.ASLEEP, at(10), "asked for")
    assert decide(asleep, STOPPING, seconds=11).actions == ()


def test_a_request_while_it_falls_asleep_keeps_it_up():
    asleep = wishing(running(), Desired.ASLEEP, at(10), "asked for")
    woken = wishing(asleep, Desired.RUNNING, at(11), "a request")
    assert decide(woken, READY, seconds=11).actions == ()


# update


def test_limits_and_counts_change_without_new_replicas():
    spec = model().spec
    limits = {"sleep_after_s": 1, "ttl_s": 2, "delete_after_s": 3, "gpu_idle_below_percent": Decimal(5)}
    for name, limit in limits.items():
        limited = replace(spec, **{name: limit})
        assert not needs_new_replicas(spec, limited)
        assert not needs_new_replicas(limited, spec)
    assert not needs_new_replicas(spec, replace(spec, scaling=Scaling(2, 4)))
    assert not needs_new_replicas(spec, replace(spec, scaling=Scaling(schedule=(Window("08:00", "18:00"),))))
    assert needs_new_replicas(spec, replace(spec, context_tokens=512))
    assert needs_new_replicas(spec, replace(spec, scaling=Scaling(target_concurrency=9)))


# delete


def test_delete_removes_until_nothing_is_seen():
    doomed = wishing(running(), Desired.DELETED, at(5), "asked for")
    assert decide(doomed, READY, held(until_s=99), seconds=5).actions == (RemoveResource(),)
    assert decide(doomed, seeing(exists=True), seconds=99).actions == (RemoveResource(),)
    assert decide(doomed, NOTHING, seconds=99).actions == (ForgetModel(),)


def test_a_delete_is_looked_at_again_soon_and_more_seldom_where_looking_is_counted():
    doomed = wishing(running(), Desired.DELETED, at(5), "asked for")
    assert decide(doomed, READY, seconds=5).again_at == at(5 + LOOK_S)
    assert decide(doomed, READY, seconds=5, is_billed=True).again_at == at(5 + LOOK_AT_CLOUD_S)


def test_the_row_tells_when_nothing_was_first_seen():
    doomed = wishing(running(), Desired.DELETED, at(5), "asked for")
    first = decide(doomed, NOTHING, seconds=10, gone_after_s=60).model
    assert first.gone_at == decide(first, NOTHING, seconds=70, gone_after_s=60).model.gone_at == at(10)


def test_the_row_goes_only_after_nothing_was_seen_twice():
    doomed = wishing(running(), Desired.DELETED, at(5), "asked for")
    first = decide(doomed, NOTHING, seconds=10, gone_after_s=60)
    assert first.actions == ()
    assert first.again_at == at(70)
    seen_again = decide(first.model, seeing(exists=True), seconds=20, gone_after_s=60)
    assert seen_again.model.gone_at is None
    assert decide(first.model, NOTHING, seconds=70, gone_after_s=60).actions == (ForgetModel(),)


# the whole


def test_events_are_bounded():
    m = model()
    for n in range(100):
        m = with_event(m, at(n), str(n))
    assert len(m.events) == MAX_EVENTS
    assert m.events[-1].what == "99"


def test_every_action_has_words():
    actions = (StartReplica(1), StopReplica(2), RemoveResource(), ForgetModel(), Revise(), Retag(Tagged()))
    assert len({describe(action) for action in actions}) == len(actions)
    assert describe(HoldRange(1, 3)) == "let the platform scale between 1 and 3"


STATES = st.sampled_from(ReplicaState)
OBSERVATIONS = st.builds(lambda states: seeing(*states, exists=bool(states)), st.lists(STATES, max_size=4))
USES = st.one_of(st.just(UNUSED), st.builds(held, st.floats(0, 5000), st.floats(0, 5000)))


@given(
    desired=st.sampled_from(Desired),
    seen=st.lists(st.tuples(OBSERVATIONS, USES, st.floats(0, 100)), min_size=1, max_size=12),
)
def test_in_any_history_a_held_model_is_not_stopped_by_idleness_and_an_unwanted_one_is_never_started(desired, seen):
    m, seconds = wishing(model(delete_after_s=50), desired, NOON, "drawn"), 0.0
    for observation, use, step in seen:
        seconds += step
        decision = decide(m, observation, use, seconds)
        starts = [a for a in decision.actions if isinstance(a, StartReplica)]
        assert not starts or decision.model.desired is Desired.RUNNING
        if use.is_held(at(seconds)):
            assert decision.model.desired is m.desired
        if not starts:
            assert decide(decision.model, observation, use, seconds).model == decision.model, "it is settled"
        m = decision.model
