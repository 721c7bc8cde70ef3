"""Models as users see them: entities to wire shapes."""

from decimal import Decimal

from llmanager.kernel.errors import Conflict, InvalidInput, Retryable
from llmanager.kernel.money import usd_text
from llmanager.models.actions import describe
from llmanager.models.catalog import CatalogEntry
from llmanager.models.entities import Backend, Model, ModelSpec, Observation, Quote, ReplicaState, Status
from llmanager.models.ledger import spent_by
from llmanager.models.limits import expires_at, sleeps_at
from llmanager.models.reconcile import plan, status
from llmanager.models.rows import Key
from llmanager.models.sight import Sight
from llmanager.models.usecases.admit import admission
from llmanager.models.usecases.registry import Registry
from llmanager.wire import models as wire


def status_view(registry: Registry, key: Key) -> wire.ModelStatus:
    """As its host shows it now; where that cannot be asked, as its row tells it. Raises ModelNotFound."""
    model = registry.require(key)
    try:
        return of_model(registry, registry.look(model))
    except Retryable as error:  # what was asked for is written: an error would make clients believe it is not
        told = of_model(registry, model)
        return told.model_copy(update={"reason": told.reason or str(error)})


def created_view(registry: Registry, made: Model) -> wire.Created:
    """How it is now, and the plan that it was made by."""
    return wire.Created(**dict(status_view(registry, made.key)), plan=plan_view(registry, made))


def of_model(registry: Registry, model: Model) -> wire.ModelStatus:
    use, seen, now = registry.use(model.key), status(model), registry.clock.now()
    sight = Sight(model.observed, use, registry.host(model).traits, registry.busy(model.resource))
    return wire.ModelStatus(
        name=model.name,
        status=seen,
        is_up=seen in (Status.READY, Status.UPDATING),
        reason=_reason(model, seen),
        model=model.spec.model,
        kind=model.spec.kind,
        backend=model.spec.backend,
        replicas=tuple(
            wire.Replica(index=r.index, state=r.state, stage=r.stage, reason=r.reason) for r in model.observed.replicas
        ),
        created_at=model.created_at,
        last_used_at=use.last_used_at,
        sleeps_at=sleeps_at(model, sight, now),
        expires_at=expires_at(model),
        usd_per_hour=told_usd(model.quote.usd_per_hour),
        usd_spent=told_usd(spent_by(model, now)),
        events=tuple(wire.Event(at=e.at, what=e.what, why=e.why) for e in model.events),
    )


def plan_view(registry: Registry, model: Model) -> wire.Plan:
    quote = model.quote
    first = plan(model, Sight(Observation(exists=False)), model.created_at)
    claim = registry.claim(model)
    fetch = (f"fetch {quote.download_mib} MiB",) if quote.download_mib else ()
    return wire.Plan(
        actions=(*fetch, *(describe(action) for action in first.actions)),
        instance_type=quote.instance_type,
        usd_per_hour=told_usd(quote.usd_per_hour),
        usd_per_month=told_usd(quote.usd_per_month),
        usd_per_hour_max=told_usd(claim.usd_per_hour if claim.instances else quote.usd_per_hour),
        instances_max=claim.instances,
        assumption=quote.assumption,
        memory_mib=quote.memory_mib,
        download_mib=quote.download_mib,
        cold_start_s=quote.cold_start_ms / 1000,
        context_tokens=quote.context_tokens,
        fit=_fit(quote),
        refusal=_refusal(registry, model),
    )


def _refusal(registry: Registry, model: Model) -> str | None:
    try:
        admission(registry, model)
    except (Conflict, InvalidInput) as error:
        return str(error)
    return None


def catalog_view(registry: Registry, entry: CatalogEntry) -> wire.CatalogModel:
    """With the fit on its host, as far as it is known without a network."""
    quote: Quote | None = None
    host = registry.hosts.get(entry.backend)
    if host is not None:
        try:
            quote = host.quote(ModelSpec(model=entry.alias, kind=entry.kind, backend=entry.backend))
        except (InvalidInput, Retryable):
            quote = None
    return wire.CatalogModel(
        alias=entry.alias,
        kind=entry.kind,
        title=entry.title,
        size_mib=entry.size_mib,
        parameters=entry.parameters,
        licence=entry.licence,
        context_tokens=entry.context_tokens,
        note=entry.note,
        context=entry.context,
        quotes_only=entry.quotes_only and entry.backend is Backend.LOCAL,
        backend=entry.backend,
        instance_type=quote.instance_type if quote else None,
        usd_per_hour=told_usd(quote.usd_per_hour) if quote else None,
        fit=_fit(quote) if quote else None,
    )


def _fit(quote: Quote) -> wire.Fit:
    return wire.Fit(fits=quote.fits, reason=quote.fit_reason)


def _reason(model: Model, seen: Status) -> str:
    if model.failure and seen in (Status.FAILED, Status.UPDATING):
        return model.failure
    stages = [r.stage for r in model.observed.replicas if r.state is ReplicaState.STARTING and r.stage]
    return stages[0] if stages else ""


def told_usd(amount: Decimal | None) -> str | None:
    return None if amount is None else usd_text(amount)
