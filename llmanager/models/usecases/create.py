from dataclasses import dataclass, replace

from llmanager.kernel.errors import Conflict, InvalidInput, Throttled
from llmanager.kernel.ids import checked_name, resource_name
from llmanager.models.entities import Desired, Kind, Model, ModelSpec, Quote
from llmanager.models.errors import ModelBeingDeleted, ModelExists
from llmanager.models.reconcile import with_event
from llmanager.models.usecases.admit import admission, refuse_if_contradictory, refuse_if_unsound
from llmanager.models.usecases.registry import Registry

ATTEMPTS = 50  # more than requests are worked on at once: each time one of those that compete gets through


@dataclass(frozen=True)
class Creation:
    """What a create is asked to do, beside the spec."""

    tenant: str
    name: str
    spec: ModelSpec
    accept_unknown_price: bool = False
    is_kind_asked: bool = True  # False: the spec's kind is a guess, which a host that knows better may correct


def propose(registry: Registry, creation: Creation) -> Model:
    """The row that a create would write, with its quote. Writes nothing. Raises InvalidInput, Unavailable."""
    host = registry.hosts.get(creation.spec.backend)
    if host is None:
        raise InvalidInput(
            f"The backend {creation.spec.backend.value!r} is not set up on this server. "
            "Its operator does that in the settings.",
            param="backend",
        )
    refuse_if_contradictory(creation.spec)
    now = registry.clock.now()
    name, generation = checked_name(creation.name), registry.new_id()
    quote = host.quote(creation.spec)
    return Model(
        tenant=creation.tenant,
        name=name,
        generation=generation,
        resource=resource_name(stage=registry.stage, tenant=creation.tenant, name=name, generation=generation),
        spec=replace(creation.spec, kind=kind_of(creation, quote)),
        quote=quote,
        desired=Desired.RUNNING,
        created_at=now,
        desired_at=now,
        revised_at=now,
    )


def kind_of(creation: Creation, quote: Quote) -> Kind:
    """Raises InvalidInput where another is asked for: it would start, cost, and serve nobody."""
    asked = creation.spec.kind
    if quote.kind in (None, asked):
        return asked
    if creation.is_kind_asked:
        raise InvalidInput(
            f"{creation.spec.model} is a model of kind {quote.kind.value!r}. Send that as 'kind', or leave it out.",
            param="kind",
        )
    return quote.kind


def create(registry: Registry, creation: Creation) -> Model:
    """Write the intent; the reconciler does the rest.

    Raises ModelExists, ModelBeingDeleted, DoesNotFit, PriceUnknown, Throttled, and what `propose` and `admission`
    raise. Of many concurrent creates of one name exactly one succeeds, and of all together no more than fit the caps.
    """
    refuse_if_taken(registry, creation)
    model = propose(registry, creation)
    refuse_if_unsound(model, accept_unknown_price=creation.accept_unknown_price)
    for _ in range(ATTEMPTS):
        fleet = admission(registry, model)
        try:
            return registry.save(with_event(model, model.created_at, "created"), "absent", [fleet])
        except Conflict:
            refuse_if_taken(registry, creation)  # else another model was admitted meanwhile: count again
    raise Throttled(f"Too many models are created at once; {model.name!r} is not. Try again.")


def refuse_if_taken(registry: Registry, creation: Creation) -> None:
    """A quick refusal before the host is asked; the conditional write is what counts."""
    found = registry.find((creation.tenant, creation.name))
    if found is not None and found.desired is Desired.DELETED:
        raise ModelBeingDeleted(creation.name)
    if found is not None:
        raise ModelExists(creation.name)
