from dataclasses import dataclass

from llmanager.kernel.errors import Conflict, InvalidInput
from llmanager.kernel.ids import checked_name, resource_name
from llmanager.models.entities import Desired, Model, ModelSpec
from llmanager.models.errors import DoesNotFit, ModelBeingDeleted, ModelExists, PriceUnknown, TooManyModels
from llmanager.models.reconcile import with_event
from llmanager.models.usecases.registry import Registry


@dataclass(frozen=True)
class Creation:
    """What a create is asked to do, beside the spec."""

    tenant: str
    name: str
    spec: ModelSpec
    accept_unknown_price: bool = False


def propose(registry: Registry, creation: Creation) -> Model:
    """The row that a create would write, with its quote. Writes nothing. Raises InvalidInput, Unavailable."""
    host = registry.hosts.get(creation.spec.backend)
    if host is None:
        raise InvalidInput(
            f"The backend {creation.spec.backend.value!r} is not set up on this server.", param="backend"
        )
    now = registry.clock.now()
    name, generation = checked_name(creation.name), registry.new_id()
    return Model(
        tenant=creation.tenant,
        name=name,
        generation=generation,
        resource=resource_name(stage=registry.stage, tenant=creation.tenant, name=name, generation=generation),
        spec=creation.spec,
        quote=host.quote(creation.spec),
        desired=Desired.RUNNING,
        created_at=now,
        desired_at=now,
        revised_at=now,
    )


def create(registry: Registry, creation: Creation) -> Model:
    """Write the intent; the reconciler does the rest.

    Raises ModelExists, ModelBeingDeleted, TooManyModels, DoesNotFit, PriceUnknown, and what `propose` raises.
    Of many concurrent creates of one name exactly one succeeds.
    """
    refuse_if_taken(registry, creation)
    model = propose(registry, creation)
    refuse_if_unsound(model, accept_unknown_price=creation.accept_unknown_price)
    refuse_if_too_many(registry)
    try:
        return registry.save(with_event(model, model.created_at, "created"), "absent")
    except Conflict as conflict:
        raise ModelExists(model.name) from conflict


def refuse_if_taken(registry: Registry, creation: Creation) -> None:
    """A quick refusal before the host is asked; the conditional write is what counts."""
    found = registry.find((creation.tenant, creation.name))
    if found is not None and found.desired is Desired.DELETED:
        raise ModelBeingDeleted(creation.name)
    if found is not None:
        raise ModelExists(creation.name)


def refuse_if_too_many(registry: Registry) -> None:
    """Against a script that runs away: creates that come at once may exceed the cap by their number."""
    if sum(1 for _ in registry.every()) >= registry.max_models:
        raise TooManyModels(registry.max_models)


def refuse_if_unsound(model: Model, *, accept_unknown_price: bool) -> None:
    if not model.quote.fits:
        raise DoesNotFit(f"Model {model.name!r} cannot run on this host. {model.quote.fit_reason}", param="model")
    if model.quote.usd_per_hour is None and not accept_unknown_price:
        raise PriceUnknown(model.name)
