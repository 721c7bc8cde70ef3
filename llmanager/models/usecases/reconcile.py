"""One pass over one model: lease, observe, decide, save the intent, act. Any number of callers, at any time."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from llmanager.kernel.deadline import deadline
from llmanager.kernel.errors import Conflict, Final, LLManagerError, NoRoom, Retryable
from llmanager.kernel.table import Check, Row
from llmanager.models import rows
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
from llmanager.models.entities import Model, Replica, ReplicaState, Use
from llmanager.models.limits import asks_gpus, gpus_since
from llmanager.models.reconcile import Decision, plan, with_event
from llmanager.models.roster import LIVE, is_fresh
from llmanager.models.rows import Key
from llmanager.models.sight import GpuLoad
from llmanager.models.usecases.make_room import make_room
from llmanager.models.usecases.registry import Registry

LEASE_S = 60.0
MARGIN_S = 15.0  # a call that was sent may take so long to have its effect: none is sent in the lease's last seconds
PRICED = ("usd_per_hour", "usd_per_month", "usd_per_instance_hour", "assumption")  # of a quote: what was agreed to
ROOM_SOON_S, NO_ROOM_S = 0.25, 1.0  # until the next try: others leave, or nothing can be done


@dataclass(frozen=True)
class Outcome:
    again_at: datetime | None = None  # when to come back if nothing tells earlier
    others: tuple[Key, ...] = ()  # models whose wish this pass changed: reconcile them too


def reconcile_once(registry: Registry, key: Key, owner: str) -> Outcome:
    """Bring one model a step nearer to what is wanted. Safe to interrupt anywhere and to repeat.

    An `owner` must not work on one key twice at once: a lease of its own is one that a cut-off pass left behind.
    Raises Retryable errors of the table and the host; the next pass starts from what is then true.
    """
    model = registry.find(key)
    if model is None:
        return Outcome()
    decision = decide(registry, model, registry.use(key))
    if decision.model == model and not decision.actions:
        return Outcome(decision.again_at)  # settled: the common case writes nothing
    now, began_s = registry.clock.now(), registry.clock.monotonic_s()
    try:
        lease = _take_lease(registry, rows.lease_row(key, owner, now + timedelta(seconds=LEASE_S)))
    except Conflict:
        return Outcome(now + timedelta(seconds=1))  # another one is at it
    holds = Check(lease.partition, lease.sort, lease.version)
    try:
        with deadline(began_s + LEASE_S - MARGIN_S):
            return _pass(registry, key, holds)
    except Conflict:
        return Outcome(now)  # the row or its use changed under us: decide again on what stands then
    finally:
        _release(registry, holds)


def decide(registry: Registry, model: Model, use: Use) -> Decision:
    """What a pass would do now. Asks the host, and its GPUs where only they can tell; changes nothing."""
    sight, now = registry.sight(model, use), registry.clock.now()
    if asks_gpus(model, sight, now):
        sight = replace(sight, gpu=_gpu_load(registry, model, gpus_since(model, use, now)))
    return plan(model, sight, now)


def _gpu_load(registry: Registry, model: Model, since: datetime) -> GpuLoad:
    """Whoever cannot be asked has no data: that keeps a model awake, and no other limit from being kept."""
    try:
        return GpuLoad(registry.host(model).gpu_percent(model.resource, since))
    except Retryable:
        return GpuLoad(None)


def _take_lease(registry: Registry, lease: Row) -> Row:
    found = registry.table.get(lease.partition, lease.sort)
    is_own = found is not None and found.body["owner"] == lease.body["owner"]
    return registry.table.put(lease, found.version if found is not None and is_own else "absent")


def _pass(registry: Registry, key: Key, lease: Check) -> Outcome:
    model, use = registry.find(key), registry.use(key)
    if model is None:
        return Outcome()
    decision = decide(registry, model, use)
    if decision.model.ready_at is not None and model.ready_at is None:
        decision = replace(decision, model=_requoted(registry, decision.model))
    if decision.model != model:
        guards = [lease, registry.unchanged_use(key, use)] if decision.needs_no_use else [lease]
        model = registry.save(decision.model, model.version, guards)
    return _act(registry, model, decision, lease)


def _requoted(registry: Registry, model: Model) -> Model:
    """It is up, so its weights are here: what was a guess before they were fetched is known now. The price stays."""
    try:
        known = registry.host(model).quote(model.spec)
    except LLManagerError:
        return model  # the old guess was good enough to start it
    price = {field: getattr(model.quote, field) for field in PRICED}
    return replace(model, quote=replace(known, **price))


def _act(registry: Registry, model: Model, decision: Decision, lease: Check) -> Outcome:
    for action in decision.actions:
        if isinstance(action, StartReplica):
            try:
                registry.host(model).start(registry.order(model), action.index)
            except NoRoom as error:
                return _wait_for_room(registry, model, action.index, str(error), lease)
            except Final as error:
                return _give_up(registry, model, action.index, str(error), lease)
        else:
            model = _done(registry, model, action, lease)
    return Outcome(decision.again_at)


def _done(registry: Registry, model: Model, action: Action, lease: Check) -> Model:
    """The model as it is after the action."""
    host = registry.host(model)
    match action:
        case StopReplica(index):
            host.stop(model.resource, index)
        case HoldRange(least, most):
            host.hold_range(model.resource, least, most)
        case Revise():
            return _revised(registry, model, lease)
        case Retag(tagged):
            renewed = replace(model, tagged=tagged)
            host.retag(model.resource, registry.tags(renewed))
            return registry.save(renewed, model.version, [lease])
        case RemoveResource():
            host.remove(model.resource)
        case ForgetModel():
            registry.drop(model, [lease])
    return model


def _revised(registry: Registry, model: Model, lease: Check) -> Model:
    """What the host refuses for good is told once. It is asked again on every pass; the old replicas go on serving."""
    try:
        registry.host(model).revise(registry.order(model))
    except Final as error:
        now, reason = registry.clock.now(), str(error)
        if model.failure == reason:
            return model
        told = replace(with_event(model, now, "cannot be updated", reason), failure=reason, retry_at=now)
        return registry.save(told, model.version, [lease])
    return model


def _wait_for_room(registry: Registry, model: Model, index: int, reason: str, lease: Check) -> Outcome:
    """Others sleep for a model that is not up; one that is makes room by itself, or waits for it."""
    # What failed there before is over. Left in the host's sight it would be counted as a new failure on every try.
    registry.host(model).stop(model.resource, index)
    others = [r for r in model.observed.replicas if r.state in LIVE and r.index != index]
    if model.may_surge and any(not is_fresh(r, model) for r in others):
        registry.save(replace(model, may_surge=False), model.version, [lease])
        return Outcome(registry.clock.now())
    slept = None if others else make_room(registry, model)
    stage = reason if slept is None else "waiting for memory"
    replicas = tuple(replace(r, stage=stage) if r.index == index else r for r in model.observed.replicas)
    waiting = replace(model, observed=replace(model.observed, replicas=replicas))
    if waiting != model:
        registry.save(waiting, model.version, [lease])
    wait_s = NO_ROOM_S if slept is None else ROOM_SOON_S
    return Outcome(registry.clock.now() + timedelta(seconds=wait_s), slept or ())


def _give_up(registry: Registry, model: Model, index: int, reason: str, lease: Check) -> Outcome:
    failed = Replica(index, ReplicaState.FAILED, reason=reason, is_final=True)
    seen = replace(model.observed, replicas=tuple(failed if r.index == index else r for r in model.observed.replicas))
    told = with_event(model, registry.clock.now(), "cannot start", reason)
    registry.save(replace(told, observed=seen, failure=reason, retry_at=None), model.version, [lease])
    return Outcome()


def _release(registry: Registry, lease: Check) -> None:
    try:
        registry.table.delete(lease.partition, lease.sort, lease.expect)
    except Conflict:
        return  # it ran out and somebody else holds one now
