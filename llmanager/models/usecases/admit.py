"""Whether a model may be added to the fleet, or grow: the caps on what all of them take at worst, never exceeded."""

from llmanager.kernel.errors import InvalidInput
from llmanager.kernel.table import Put
from llmanager.models import rows
from llmanager.models.caps import grows, refuse_over
from llmanager.models.entities import Model, ModelSpec
from llmanager.models.errors import DoesNotFit, PriceUnknown
from llmanager.models.schedule import problems
from llmanager.models.usecases.registry import Registry


def admission(registry: Registry, model: Model) -> Put:
    """A write that must go with the model's own: of two that were admitted at once it lets one through.

    Raises TooManyModels, FleetFull, InstanceTypeNotAllowed.
    """
    # Read before the models are: whoever is admitted between the two makes the write conflict.
    fleet = registry.table.get(rows.fleet_partition(), rows.fleet_sort())
    claims = [registry.claim(other) for other in registry.every() if other.key != model.key]
    refuse_over(registry.caps, claims, registry.claim(model), model.quote.instance_type)
    installation = rows.installation_in(fleet) or registry.new_id()
    return Put(rows.fleet_row(installation), "absent" if fleet is None else fleet.version)


def growth(registry: Registry, before: Model, after: Model) -> tuple[Put, ...]:
    """As `admission`, where a model comes to take more than it did. What takes less is never refused."""
    is_other_type = after.quote.instance_type != before.quote.instance_type
    if not is_other_type and not grows(registry.claim(after), registry.claim(before)):
        return ()
    return (admission(registry, after),)


def refuse_if_contradictory(spec: ModelSpec) -> None:
    """Raises InvalidInput for a schedule that cannot be kept."""
    for number, window in enumerate(spec.scaling.schedule):
        if (problem := problems(window)) is not None:
            raise InvalidInput(problem, param=f"scaling.schedule.{number}")
    if spec.scaling.schedule and spec.sleep_after_s is None:
        raise InvalidInput(
            "A schedule keeps a model up that else would sleep, and this one never does. Send 'sleep_after_s' too.",
            param="sleep_after_s",
        )


def refuse_if_unsound(model: Model, *, accept_unknown_price: bool) -> None:
    if not model.quote.fits:
        raise DoesNotFit(f"Model {model.name!r} cannot run on this host. {model.quote.fit_reason}", param="model")
    if model.quote.usd_per_hour is None and not accept_unknown_price:
        raise PriceUnknown(model.name)
