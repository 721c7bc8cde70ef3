"""What the whole fleet may take at worst, whoever asks. Pure; no request can lift any of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from llmanager.kernel.money import usd_text
from llmanager.models.entities import ModelSpec, Quote
from llmanager.models.errors import FleetFull, InstanceTypeNotAllowed, TooManyModels


@dataclass(frozen=True)
class Caps:
    """The operator's limits on all tenants' models together."""

    max_models: int = 1000
    max_instances: int = 4  # billed ones
    max_usd_per_hour: Decimal | None = Decimal(5)  # None: no limit in money
    instance_types: frozenset[str] | None = None  # that may be billed; None: every one whose price is known


@dataclass(frozen=True)
class Claim:
    """What a model takes when it runs as many replicas as it ever may. On a host that bills nothing: nothing."""

    instances: int
    usd_per_hour: Decimal | None  # None: the price is not known


NOTHING = Claim(0, Decimal(0))


def worst_case(spec: ModelSpec, quote: Quote, surge: int = 0, running: int = 0) -> Claim:
    """`surge`: instances that an update may run beside the others. `running`: now; a spec that shrank has more."""
    price = quote.usd_per_instance_hour
    if price == 0:
        return NOTHING
    scaling = spec.scaling
    instances = max(scaling.max, scaling.awake, *(window.min for window in scaling.schedule), 1) + surge
    instances = max(instances, running)
    return Claim(instances, None if price is None else instances * price)


def grows(new: Claim, old: Claim) -> bool:
    """Whether more is claimed than before, or it is not known."""
    if new == old:
        return False
    is_less = new.instances <= old.instances
    return not (is_less and new.usd_per_hour is not None and new.usd_per_hour <= (old.usd_per_hour or Decimal(0)))


def refuse_over(caps: Caps, claims: Sequence[Claim], new: Claim, instance_type: str) -> None:
    """Raises TooManyModels, InstanceTypeNotAllowed or FleetFull if `new` is too much beside `claims`.

    Money of unknown price is not summed: such a model needs an instance type that the operator named.
    """
    if len(claims) >= caps.max_models:
        raise TooManyModels(caps.max_models)
    if not new.instances:
        return
    _refuse_type(caps, new, instance_type)
    instances = new.instances + sum(claim.instances for claim in claims)
    if instances > caps.max_instances:
        raise FleetFull(f"{instances} billed instances", str(caps.max_instances))
    usd = sum((claim.usd_per_hour or Decimal(0) for claim in (*claims, new)), Decimal(0))
    if caps.max_usd_per_hour is not None and new.usd_per_hour is not None and usd > caps.max_usd_per_hour:
        raise FleetFull(f"{usd_text(usd)} USD an hour", usd_text(caps.max_usd_per_hour))


def _refuse_type(caps: Caps, new: Claim, instance_type: str) -> None:
    if caps.instance_types is None:
        if new.usd_per_hour is None:
            raise InstanceTypeNotAllowed(instance_type, "every type whose price is known")
    elif instance_type not in caps.instance_types:
        raise InstanceTypeNotAllowed(instance_type, ", ".join(sorted(caps.instance_types)) or "none")
