"""The lifecycle's decisions: from what is wanted and what is seen to what to do next. Pure; every clock is an argument.

Level-triggered: `plan` needs no memory of earlier passes beyond the row, so any state leads to the wanted one,
whoever calls it and however often.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from llmanager.models.entities import (
    MAX_EVENTS,
    Desired,
    Event,
    Model,
    ModelSpec,
    Observation,
    Replica,
    ReplicaState,
    Status,
    Use,
)

FAILED_AFTER = 3  # replica failures in a row before users are told "failed"; retries go on
LONGEST_BACKOFF_S = 60.0
DRAIN_S = 60.0  # how long open requests are waited for when a user puts a model to sleep or changes it


@dataclass(frozen=True)
class StartReplica:
    index: int


@dataclass(frozen=True)
class StopReplica:
    index: int


@dataclass(frozen=True)
class RemoveResource:
    pass


@dataclass(frozen=True)
class ForgetModel:
    """The host holds nothing any more: drop the row. Always the last action."""


Action = StartReplica | StopReplica | RemoveResource | ForgetModel


def describe(action: Action) -> str:
    """For people who ask what would be done."""
    match action:
        case StartReplica(index):
            return f"start replica {index}"
        case StopReplica(index):
            return f"stop replica {index}"
        case RemoveResource():
            return "remove everything the host holds for it"
        case ForgetModel():
            return "forget the model"


@dataclass(frozen=True)
class Decision:
    model: Model  # the row to save before any action is taken
    actions: tuple[Action, ...] = ()
    needs_no_use: bool = False  # save only if nobody began to use the model since `use` was read
    again_at: datetime | None = None  # look again then, if nothing happens before


def plan(model: Model, seen: Observation, use: Use, now: datetime, *, gone_after_s: float) -> Decision:
    """What to save and do now. The same inputs always give the same decision."""
    noted = noticed(model, seen, now)
    end = end_of_wake(noted, use, now)
    if end is None:
        return _converge(noted, model.observed, use, now, gone_after_s)
    wished = wishing(noted, end.desired, now, end.why)
    return replace(_converge(wished, model.observed, use, now, gone_after_s), needs_no_use=end.needs_no_use)


def noticed(model: Model, seen: Observation, now: datetime) -> Model:
    """The row after an observation: what is ready since when, and new failures counted once each."""
    before = {r.index: r.state for r in model.observed.replicas}
    wanted = range(model.spec.scaling.awake)
    failed = [r for r in seen.replicas if r.state is ReplicaState.FAILED and r.index in wanted]
    ready = {r.index for r in seen.replicas if r.state is ReplicaState.READY}
    model = replace(model, observed=seen)
    if ready and model.ready_at is None:
        model = with_event(replace(model, ready_at=now, was_ready=True), now, "ready")
    if ready.issuperset(wanted):  # one that starts again may fail again: it forgets nothing
        model = replace(model, failures=0, retry_at=None, failure="")
    if not ready:
        model = replace(model, ready_at=None)
    for replica in failed:
        if before.get(replica.index) is not ReplicaState.FAILED:
            model = _with_failure(model, replica, now)
    return model


@dataclass(frozen=True)
class End:
    """A time limit was reached."""

    desired: Desired
    why: str
    needs_no_use: bool


def end_of_wake(model: Model, use: Use, now: datetime) -> End | None:
    """The time limit that is reached, if any: hard TTL, unused for too long asleep, idle."""
    spec = model.spec
    if model.desired is Desired.DELETED:
        return None
    if _is_reached(expires_at(model), now):
        return End(Desired.DELETED, "its time to live is over", needs_no_use=False)
    if use.is_held(now):
        return None
    if _is_reached(_deletes_at(model, use, now), now):
        return End(Desired.DELETED, f"asleep and unused for {spec.delete_after_s} s", needs_no_use=True)
    if _is_reached(sleeps_at(model, use, now), now):
        return End(Desired.ASLEEP, f"idle for {spec.sleep_after_s} s", needs_no_use=True)
    return None


def sleeps_at(model: Model, use: Use, now: datetime) -> datetime | None:
    """When the model will go to sleep if nobody uses it from now on. None: never, or it is not up."""
    if model.desired is not Desired.RUNNING or model.ready_at is None or model.spec.sleep_after_s is None:
        return None
    since = now if use.is_held(now) else max(model.ready_at, use.last_used_at or model.ready_at)
    return since + timedelta(seconds=model.spec.sleep_after_s)


def expires_at(model: Model) -> datetime | None:
    """The hard end of life. None: none."""
    return None if model.spec.ttl_s is None else model.created_at + timedelta(seconds=model.spec.ttl_s)


def wishing(model: Model, desired: Desired, now: datetime, why: str) -> Model:
    """The row with a new wish. Wishing to run (again) forgets earlier failures, so that it is tried at once."""
    if desired is Desired.RUNNING:
        model = replace(model, failures=0, failure="", retry_at=now)
    if desired is model.desired:
        return model
    return with_event(replace(model, desired=desired, desired_at=now), now, desired.value, why)


def status(model: Model) -> Status:
    """What a user sees."""
    if model.desired is Desired.DELETED:
        return Status.DELETING
    if model.desired is Desired.ASLEEP:
        return Status.ASLEEP
    if model.ready_at is not None:
        return Status.READY if model.running_revision == model.revision else Status.UPDATING
    if model.failure:
        return Status.FAILED
    return Status.WAKING if model.was_ready else Status.CREATING


def needs_new_replicas(old: ModelSpec, new: ModelSpec) -> bool:
    """Whether replicas that run under `old` must be replaced; time limits and the number of replicas need not."""
    same = replace(new, sleep_after_s=old.sleep_after_s, delete_after_s=old.delete_after_s, ttl_s=old.ttl_s)
    scaling = replace(same.scaling, min=old.scaling.min, max=old.scaling.max)
    return replace(same, scaling=scaling) != old


def with_event(model: Model, at: datetime, what: str, why: str = "") -> Model:
    return replace(model, events=(*model.events, Event(at, what, why))[-MAX_EVENTS:])


def _with_failure(model: Model, replica: Replica, now: datetime) -> Model:
    failures = model.failures + 1
    backoff_s = min(LONGEST_BACKOFF_S, 0.5 * 2.0 ** min(failures, 10)) if failures > 1 else 0.0
    is_told = replica.is_final or failures >= FAILED_AFTER
    model = with_event(model, now, "replica failed", replica.reason)
    return replace(
        model,
        failures=failures,
        retry_at=None if replica.is_final else now + timedelta(seconds=backoff_s),
        failure=replica.reason if is_told else model.failure,
    )


def _converge(model: Model, before: Observation, use: Use, now: datetime, gone_after_s: float) -> Decision:
    seen = model.observed
    match model.desired:
        case Desired.DELETED:
            return _toward_nothing(model, seen, now, gone_after_s)
        case Desired.ASLEEP:
            return _toward_sleep(model, seen, use, now)
        case Desired.RUNNING:
            return _toward_running(model, before, use, now)


def _toward_nothing(model: Model, seen: Observation, now: datetime, gone_after_s: float) -> Decision:
    if seen.exists:
        # Removal is asked for again on every pass: a failed delete is retried for ever.
        return Decision(replace(model, gone_at=None), (RemoveResource(),), again_at=now + timedelta(seconds=1))
    gone_at = model.gone_at or now
    confirmed_at = gone_at + timedelta(seconds=gone_after_s)
    if confirmed_at <= now:
        return Decision(replace(model, gone_at=gone_at), (ForgetModel(),))
    return Decision(replace(model, gone_at=gone_at), again_at=confirmed_at)


def _toward_sleep(model: Model, seen: Observation, use: Use, now: datetime) -> Decision:
    drained_at = model.desired_at + timedelta(seconds=DRAIN_S)
    if seen.replicas and use.is_held(now) and now < drained_at:
        return Decision(model, again_at=now + timedelta(seconds=1))
    return Decision(*_stopping(model, seen.replicas), again_at=_next_limit(model, use, now))


def _toward_running(model: Model, before: Observation, use: Use, now: datetime) -> Decision:
    seen = model.observed
    is_live = any(r.state in (ReplicaState.STARTING, ReplicaState.READY) for r in seen.replicas)
    is_draining = use.is_held(now) and now < model.revised_at + timedelta(seconds=DRAIN_S)
    if is_live and model.running_revision != model.revision:
        return _replacing(model, use, now, is_draining=is_draining)
    surplus = [r for r in seen.replicas if r.index >= model.spec.scaling.awake]
    starts = _starts(model, seen, now)
    if starts:
        model = replace(
            model,
            running_revision=model.revision,
            # The row says "starting" before the host is asked, so that a failure right after is a new one.
            observed=replace(seen, replicas=_with_starting(seen.replicas, starts, before.replicas)),
        )
    retry = model.retry_at if model.retry_at is not None and model.retry_at > now else None
    is_on_its_way = any(r.state in (ReplicaState.STARTING, ReplicaState.STOPPING) for r in seen.replicas)
    look = now + timedelta(seconds=1) if is_on_its_way or surplus else None
    times = [at for at in (retry, look, _next_limit(model, use, now)) if at is not None]
    stops = () if is_draining else _stops(surplus)
    return Decision(model, (*stops, *starts), again_at=min(times, default=None))


def _replacing(model: Model, use: Use, now: datetime, *, is_draining: bool) -> Decision:
    soon = now + timedelta(seconds=1)
    if is_draining:
        return Decision(model, again_at=soon)
    marked, stops = _stopping(model, model.observed.replicas)
    return Decision(marked, stops, needs_no_use=not use.is_held(now), again_at=soon)


def _starts(model: Model, seen: Observation, now: datetime) -> tuple[StartReplica, ...]:
    present = {r.index: r for r in seen.replicas}
    starts = []
    for index in range(model.spec.scaling.awake):
        replica = present.get(index)
        is_missing = replica is None or replica.state is ReplicaState.FAILED
        if is_missing and _may_start(model, now):
            starts.append(StartReplica(index))
    return tuple(starts)


def _may_start(model: Model, now: datetime) -> bool:
    if model.retry_at is not None:
        return model.retry_at <= now
    return not model.failure  # a failure without a time to retry is final


def _with_starting(
    seen: tuple[Replica, ...], starts: tuple[StartReplica, ...], before: tuple[Replica, ...]
) -> tuple[Replica, ...]:
    waiting = {r.index: r for r in before if r.state is ReplicaState.STARTING}  # their stage says what they wait for
    indices = {s.index for s in starts}
    starting = [waiting.get(i, Replica(i, ReplicaState.STARTING)) for i in indices]
    return tuple(sorted([*(r for r in seen if r.index not in indices), *starting], key=lambda r: r.index))


def _stops(replicas: tuple[Replica, ...] | list[Replica]) -> tuple[StopReplica, ...]:
    return tuple(StopReplica(r.index) for r in replicas if r.state is not ReplicaState.STOPPING)


def _stopping(model: Model, replicas: tuple[Replica, ...]) -> tuple[Model, tuple[StopReplica, ...]]:
    """The row says "stopping" before the host is asked, so that no request is sent there from then on."""
    marked = tuple(replace(r, state=ReplicaState.STOPPING) if r.state is ReplicaState.READY else r for r in replicas)
    return replace(model, observed=replace(model.observed, replicas=marked)), _stops(replicas)


def _next_limit(model: Model, use: Use, now: datetime) -> datetime | None:
    """When `end_of_wake` may next say something new."""
    limits = (sleeps_at(model, use, now), expires_at(model), _deletes_at(model, use, now))
    return min((at for at in limits if at is not None), default=None)


def _deletes_at(model: Model, use: Use, now: datetime) -> datetime | None:
    if model.desired is not Desired.ASLEEP or model.spec.delete_after_s is None:
        return None
    return (now if use.is_held(now) else model.desired_at) + timedelta(seconds=model.spec.delete_after_s)


def _is_reached(limit: datetime | None, now: datetime) -> bool:
    return limit is not None and limit <= now
