"""The lifecycle's decisions: from what is wanted and what is seen to what to do next. Pure; every clock is an argument.

Level-triggered: `plan` needs no memory of earlier passes beyond the row, so any state leads to the wanted one,
whoever calls it and however often.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from llmanager.models.actions import (
    Action,
    ForgetModel,
    HoldRange,
    RemoveResource,
    Retag,
    Revise,
    StartReplica,
    StopReplica,
)
from llmanager.models.entities import (
    MAX_EVENTS,
    Desired,
    Event,
    Model,
    ModelSpec,
    Observation,
    Replica,
    ReplicaState,
    Sizing,
    Status,
    Tagged,
)
from llmanager.models.ledger import counted
from llmanager.models.limits import ends_at, next_limit, turn, window_at
from llmanager.models.roster import DRAIN_S, LIVE, is_fresh, roster, with_starting
from llmanager.models.scaling import DOWN_AFTER_S, sized
from llmanager.models.sight import Sight

FAILED_AFTER = 3  # replica failures in a row before users are told "failed"; retries go on
LONGEST_BACKOFF_S = 60.0
LONGEST_COSTLY_BACKOFF_S = 1800.0  # where each try is paid for
DEAD_MAN_S = 24 * 3600.0  # a billed resource that nobody renews runs no longer than this
RENEWED_AFTER_S = 3600.0
# After 900 s without load a platform that scales itself stops what no floor holds. It knows no leases, so it must not
# come first: our own look, which does, has five passes' time before.
PLATFORM_IDLE_S = 900 - 300
LOOK_S, LOOK_AT_CLOUD_S = 1.0, 10.0  # until the next look at something that is on its way


@dataclass(frozen=True)
class Decision:
    model: Model  # the row to save before any action is taken
    actions: tuple[Action, ...] = ()
    needs_no_use: bool = False  # save only if nobody began to use the model since `use` was read
    again_at: datetime | None = None  # look again then, if nothing happens before


def plan(model: Model, sight: Sight, now: datetime) -> Decision:
    """What to save and do now. The same inputs always give the same decision."""
    noted = noticed(model, sight.seen, now)
    # Ready since before its last wish: what is parked then was put to sleep by us, and has been woken since.
    was_up = model.ready_at is not None and model.ready_at >= model.desired_at
    due = turn(noted, sight, now, was_up=was_up)
    if due is not None:
        noted = wishing(noted, due.desired, now, due.why)
    tagged, retags = _tagged(noted, sight, now)
    decision = _converge(tagged, model.observed, sight, now)
    return replace(
        decision,
        actions=_in_order(decision.actions, retags, noted.tagged.expires_at, now),
        needs_no_use=decision.needs_no_use or (due is not None and due.needs_no_use),
    )


def noticed(model: Model, seen: Observation, now: datetime) -> Model:
    """The row after an observation: what is ready since when, what it costs, and new failures counted once each."""
    before = {r.index: r.state for r in model.observed.replicas}
    ready = [r for r in seen.replicas if r.state is ReplicaState.READY]
    price = model.quote.usd_per_instance_hour
    ledger = counted(model.ledger, instances=seen.instances, usd_per_instance_hour=price, now=now)
    model = replace(model, observed=seen, ledger=ledger)
    if ready:
        revision = min(r.revision for r in ready) or model.revision
        model = replace(model, running_revision=revision, was_ready=True)
        if model.ready_at is None:
            model = with_event(replace(model, ready_at=now), now, "ready")
    elif model.ready_at is not None:
        model = replace(model, ready_at=None)
        model = with_event(model, now, "not ready") if model.desired is Desired.RUNNING else model
    wanted = _wanted(model)
    fresh = [r for r in ready if is_fresh(r, model)]
    if len(fresh) >= wanted:  # one that starts again may fail again: it forgets nothing
        return replace(model, failures=0, retry_at=None, failure="")
    for replica in seen.replicas:
        if replica.state is ReplicaState.FAILED and before.get(replica.index) is not ReplicaState.FAILED:
            model = _with_failure(model, replica, now)
    return model


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
    same = replace(
        new,
        sleep_after_s=old.sleep_after_s,
        delete_after_s=old.delete_after_s,
        ttl_s=old.ttl_s,
        gpu_idle_below_percent=old.gpu_idle_below_percent,
    )
    scaling = replace(same.scaling, min=old.scaling.min, max=old.scaling.max, schedule=old.scaling.schedule)
    return replace(same, scaling=scaling) != old


def with_event(model: Model, at: datetime, what: str, why: str = "") -> Model:
    return replace(model, events=(*model.events, Event(at, what, why))[-MAX_EVENTS:])


def _with_failure(model: Model, replica: Replica, now: datetime) -> Model:
    failures = model.failures + 1
    longest_s = LONGEST_BACKOFF_S if model.quote.usd_per_instance_hour == 0 else LONGEST_COSTLY_BACKOFF_S
    backoff_s = min(longest_s, 0.5 * 2.0 ** min(failures, 12)) if failures > 1 else 0.0
    is_told = replica.is_final or failures >= FAILED_AFTER
    model = with_event(model, now, "replica failed", replica.reason)
    return replace(
        model,
        failures=failures,
        retry_at=None if replica.is_final else now + timedelta(seconds=backoff_s),
        failure=replica.reason if is_told else model.failure,
    )


def _wanted(model: Model) -> int:
    return model.sizing.replicas or model.spec.scaling.awake


def _tagged(model: Model, sight: Sight, now: datetime) -> tuple[Model, tuple[Retag, ...]]:
    """What the tags are to say. A resource that is not there yet gets them from the row when it is created."""
    expiry = model.tagged.expires_at
    renewed = now + timedelta(seconds=DEAD_MAN_S)
    is_due = expiry is None or expiry <= renewed - timedelta(seconds=RENEWED_AFTER_S)
    if sight.traits.is_billed and model.desired is Desired.RUNNING and is_due:
        expiry = renewed
    tagged = Tagged(expiry, ends_at(model))
    is_local_end = model.desired is Desired.DELETED and not sight.traits.is_billed  # what costs nothing can wait for us
    if tagged == model.tagged or is_local_end:
        return model, ()
    if sight.seen.exists:
        return model, (Retag(tagged),)
    return replace(model, tagged=tagged), ()


def _in_order(
    actions: tuple[Action, ...], retags: tuple[Retag, ...], expiry: datetime | None, now: datetime
) -> tuple[Action, ...]:
    """Tags that cannot be written hold up nothing that ends or holds, and what starts only once they are old."""
    if expiry is not None and expiry > now + timedelta(seconds=DEAD_MAN_S / 2):
        return (*actions, *retags)
    begins = tuple(action for action in actions if isinstance(action, StartReplica | Revise))
    return (*(action for action in actions if action not in begins), *retags, *begins)


def _converge(model: Model, before: Observation, sight: Sight, now: datetime) -> Decision:
    match model.desired:
        case Desired.DELETED:
            return _toward_nothing(model, sight, now)
        case Desired.ASLEEP:
            return _toward_sleep(replace(model, sizing=Sizing()), sight, now)
        case Desired.RUNNING:
            return _toward_running(model, before, sight, now)


def _toward_nothing(model: Model, sight: Sight, now: datetime) -> Decision:
    if sight.seen.exists:
        # Removal is asked for again on every pass: a failed delete is retried for ever.
        return Decision(replace(model, gone_at=None), (RemoveResource(),), again_at=_soon(sight, now))
    gone_at = model.gone_at or now
    confirmed_at = gone_at + timedelta(seconds=sight.traits.gone_after_s)
    if confirmed_at <= now:
        return Decision(replace(model, gone_at=gone_at), (ForgetModel(),))
    return Decision(replace(model, gone_at=gone_at), again_at=confirmed_at)


def _toward_sleep(model: Model, sight: Sight, now: datetime) -> Decision:
    seen = sight.seen
    drained_at = model.desired_at + timedelta(seconds=DRAIN_S)
    if seen.replicas and sight.is_held(now) and now < drained_at:
        return Decision(model, again_at=_soon(sight, now))
    # The row says "stopping" before the host is asked, so that no request is sent there from then on.
    marked = tuple(
        replace(r, state=ReplicaState.STOPPING) if r.state is ReplicaState.READY else r for r in seen.replicas
    )
    stops = tuple(StopReplica(r.index) for r in seen.replicas if r.state is not ReplicaState.STOPPING)
    if sight.traits.scales_itself and seen.exists and not seen.replicas and not seen.is_parked:
        stops = (StopReplica(0),)  # half made: nothing runs on what is paid for already
    floor = (HoldRange(0, seen.ceiling),) if seen.floor else ()
    return Decision(
        replace(model, observed=replace(seen, replicas=marked)),
        (*floor, *stops),
        again_at=next_limit(model, sight, now),
    )


def _toward_running(model: Model, before: Observation, sight: Sight, now: datetime) -> Decision:
    window = window_at(model, now)
    least = max(model.spec.scaling.awake, window.min if window else 0)
    demand = sight.use.demand_at(now)
    model = replace(model, sizing=sized(model.sizing, model.spec.scaling, demand=demand, floor=least, now=now))
    todo = roster(model, before, sight, _wanted(model), now, may_start=_may_start(model, now))
    shown = with_starting(todo.replicas, todo.starts, before)
    model = replace(model, observed=replace(sight.seen, replicas=shown))
    # The floor before what may be refused: without it the platform ends what is in use.
    held_range = _range(model, sight, now, is_kept=window is not None)
    actions: list[Action] = [*map(StopReplica, todo.stops), *held_range, *map(StartReplica, todo.starts)]
    if sight.traits.replaces_in_place and any(r.state in LIVE and not is_fresh(r, model) for r in shown):
        actions.append(Revise())
    retry = model.retry_at if model.retry_at is not None and model.retry_at > now else None
    look = _soon(sight, now) if todo.is_waiting or any(r.leaving_at for r in shown) else None
    times = [at for at in (retry, look, _scales_down_at(model), next_limit(model, sight, now)) if at is not None]
    return Decision(model, tuple(actions), needs_no_use=todo.needs_no_use, again_at=min(times, default=None))


def _range(model: Model, sight: Sight, now: datetime, *, is_kept: bool) -> tuple[HoldRange, ...]:
    """Autoscaling in the cloud knows no leases. Without a floor it is what ends a model when we cannot."""
    if not sight.traits.scales_itself or not sight.seen.replicas or not sight.seen.ceiling:
        return ()
    limit_s = model.spec.sleep_after_s
    outlasts_platform = limit_s is None or limit_s > PLATFORM_IDLE_S
    asks_gpus_first = model.spec.gpu_idle_below_percent is not None and sight.traits.measures_gpus
    is_kept = is_kept or outlasts_platform or asks_gpus_first or sight.is_held(now)
    least = _wanted(model) if is_kept else 0
    most = max(model.spec.scaling.max, _wanted(model))
    return () if (least, most) == (sight.seen.floor, sight.seen.ceiling) else (HoldRange(least, most),)


def _may_start(model: Model, now: datetime) -> bool:
    if model.retry_at is not None:
        return model.retry_at <= now
    return not model.failure  # a failure without a time to retry is final


def _scales_down_at(model: Model) -> datetime | None:
    since = model.sizing.surplus_since
    return None if since is None else since + timedelta(seconds=DOWN_AFTER_S)


def _soon(sight: Sight, now: datetime) -> datetime:
    return now + timedelta(seconds=LOOK_AT_CLOUD_S if sight.traits.is_billed else LOOK_S)
