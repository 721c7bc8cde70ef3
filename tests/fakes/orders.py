"""What hosts are asked to run, in short."""

from llmanager.models.entities import ModelSpec, Order, Tags
from llmanager.models.ports import ModelHost

TAGS = Tags(stage="test", tenant="acme", name="greeter", generation="g1")


def order(resource: str, spec: ModelSpec, **changes: object) -> Order:
    return Order(resource, spec, **{"tags": TAGS, **changes})


def held_by(host: ModelHost) -> tuple[str, ...]:
    """The names of what the host holds."""
    return tuple(held.resource for held in host.resources())
