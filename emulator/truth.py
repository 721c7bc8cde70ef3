"""What exists and what bills, for oracles: without lag, without the gate."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from emulator.sagemaker.tags import shelves
from emulator.world import World


@dataclass(frozen=True, slots=True)
class Billable:
    """A resource that exists. `instances` and `usd_per_hour` are zero for all but endpoints.

    `kind` is as in ARNs (endpoint, endpoint-config, model, inference-component), alarm, or scalable-target.
    """

    region: str
    kind: str
    name: str
    arn: str
    status: str
    tags: dict[str, str]
    instances: int = 0
    copies: int = 0
    usd_per_hour: Decimal = Decimal(0)


def billable(world: World) -> Iterator[Billable]:
    for kind in ("model", "endpoint-config"):
        for resource in shelves(world)[kind].live.values():
            yield Billable(world.region, kind, resource.name, resource.arn, "", dict(resource.tags))
    for endpoint in world.endpoints.live.values():
        running = [instance.charge for variant in endpoint.all_variants() for instance in variant.instances]
        yield Billable(
            world.region,
            "endpoint",
            endpoint.name,
            endpoint.arn,
            endpoint.status,
            dict(endpoint.tags),
            instances=len(running),
            usd_per_hour=sum((charge.usd_per_hour for charge in running), Decimal(0)),
        )
    for component in world.components.live.values():
        yield Billable(
            world.region,
            "inference-component",
            component.name,
            component.arn,
            component.status,
            dict(component.tags),
            copies=len(component.copies),
        )
    for alarm in world.alarms.live.values():
        yield Billable(world.region, "alarm", alarm.name, alarm.arn, alarm.condition, dict(alarm.tags))
    for target in world.targets.values():
        yield Billable(world.region, "scalable-target", target.component, target.arn, "", {})
