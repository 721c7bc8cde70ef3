"""What a user asks of a model that exists: sleep, wake, delete, update. Each writes an intent and returns at once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from llmanager.kernel.errors import Conflict, InvalidInput, Throttled
from llmanager.models.entities import Desired, Model, ModelSpec, Sizing
from llmanager.models.errors import ModelBeingDeleted, WokenTooOften
from llmanager.models.ledger import settled
from llmanager.models.limits import expires_at
from llmanager.models.reconcile import needs_new_replicas, wishing, with_event
from llmanager.models.rows import Key
from llmanager.models.usecases.admit import growth, refuse_if_contradictory, refuse_if_unsound
from llmanager.models.usecases.registry import Registry

ATTEMPTS = 20
WAKES_PER_HOUR = 12  # of one model whose instances cost money


def sleep(registry: Registry, key: Key) -> Model:
    """Let open requests end, then stop the replicas. Raises ModelNotFound, ModelBeingDeleted."""
    now = registry.clock.now()
    return _change(registry, key, lambda m: wishing(m, Desired.ASLEEP, now, "asked for"))


def wake(registry: Registry, key: Key, why: str = "asked for") -> Model:
    """Let it run. Of many concurrent wakes one writes. Raises ModelNotFound, ModelBeingDeleted, WokenTooOften."""
    now = registry.clock.now()

    def wished(model: Model) -> Model:
        if model.desired is Desired.RUNNING and not model.failure:
            return model
        woken = wishing(model, Desired.RUNNING, now, why)
        return _counted_wake(woken, now) if registry.host(model).traits.is_billed else woken

    return _change(registry, key, wished)


def _counted_wake(model: Model, now: datetime) -> Model:
    """Each wake is paid for in minutes of an instance that serves nobody. Raises WokenTooOften."""
    hour_ago = now - timedelta(hours=1)
    recent = tuple(at for at in model.wakes if at > hour_ago)
    if len(recent) >= WAKES_PER_HOUR:
        raise WokenTooOften(model.name, WAKES_PER_HOUR, retry_after_s=(recent[0] - hour_ago).total_seconds())
    return replace(model, wakes=(*recent, now))


def delete(registry: Registry, key: Key) -> Model:
    """Delete wins over everything else, in any state. Repeating it is fine until the row is gone."""
    now = registry.clock.now()
    return _change(registry, key, lambda m: wishing(m, Desired.DELETED, now, "asked for"), is_delete=True)


def update(
    registry: Registry, key: Key, revise: Callable[[ModelSpec], ModelSpec], *, accept_unknown_price: bool
) -> Model:
    """Change the spec; replicas are replaced only if they must be. Raises as create does."""
    now = registry.clock.now()

    def revised(model: Model) -> Model:
        spec = revise(model.spec)
        if spec == model.spec:
            return model
        refuse_if_contradictory(spec)
        refuse_if_past(replace(model, spec=spec), now)
        ledger = settled(model.ledger, model.quote.usd_per_instance_hour, now)  # by the price that was so far
        quote = registry.host(model).quote(spec)
        sizing = model.sizing if spec.scaling == model.spec.scaling else Sizing()
        changed = replace(model, spec=spec, quote=quote, ledger=ledger, sizing=sizing, revised_at=now)
        was_accepted = model.quote.usd_per_hour is None
        refuse_if_unsound(changed, accept_unknown_price=accept_unknown_price or was_accepted)
        changed = with_event(changed, now, "updated")
        if needs_new_replicas(model.spec, spec):
            changed = replace(
                changed, revision=model.revision + 1, may_surge=True, failures=0, failure="", retry_at=now
            )
        return changed

    return _change(registry, key, revised)


def refuse_if_past(changed: Model, now: datetime) -> None:
    """A time to live counts from the creation. Raises InvalidInput where it would be over already."""
    end = expires_at(changed)
    if end is not None and end <= now:
        age_s = int((now - changed.created_at).total_seconds())
        raise InvalidInput(
            f"'ttl_s' counts from the creation, and {changed.name!r} is {age_s} s old: it would end at once. "
            "Send more, or delete it.",
            param="ttl_s",
        )


def _change(registry: Registry, key: Key, to: Callable[[Model], Model], *, is_delete: bool = False) -> Model:
    for _ in range(ATTEMPTS):
        model = registry.require(key)
        if model.desired is Desired.DELETED and not is_delete:
            raise ModelBeingDeleted(model.name)
        changed = to(model)
        if changed == model:
            return model
        guards = growth(registry, model, changed)
        try:
            return registry.save(changed, model.version, guards)
        except Conflict:
            continue  # the reconciler or another caller wrote in between: change what stands now
    raise Throttled(f"Model {key[1]!r} is being changed by too many at once. Try again.")
