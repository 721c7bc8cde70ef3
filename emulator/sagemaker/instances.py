"""Instances of endpoints: had or not had, billed from launch to end, released when no copy needs them."""

from decimal import Decimal

from emulator.bill import Charge
from emulator.conditions import shape_of
from emulator.errors import Refusal, invalid, over_limit
from emulator.instants import NEVER, us
from emulator.sagemaker.entities import Copy, Endpoint, Instance, Needs, Variant
from emulator.world import World

# The text that SageMaker gives: https://github.com/aws/sagemaker-python-sdk/issues/4093 (and many like it).
NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)


def in_use(world: World, instance_type: str) -> int:
    return sum(
        len(variant.instances)
        for endpoint in world.endpoints.live.values()
        for variant in endpoint.all_variants()
        if variant.instance_type == instance_type
    )


def quota_refusal(world: World, instance_type: str, wanted: int) -> Refusal | None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/regions-quotas.html: instances by type for endpoint usage."""
    limit = world.quotas.instances.get(instance_type, world.quotas.default_instances)
    if limit is None or (used := in_use(world, instance_type)) + wanted <= limit:
        return None
    return over_limit(
        f"The account-level service limit '{instance_type} for endpoint usage' is {limit} Instances, with current "
        f"utilization of {used} Instances and a request delta of {wanted} Instances. Please use AWS Service Quotas to "
        "request an increase for this quota. If AWS Service Quotas is not available, contact AWS support to request "
        "an increase for this quota."
    )


def launch(world: World, endpoint: Endpoint, variant: Variant) -> Instance | None:
    """A new instance, billed from now on; None when AWS has none for us."""
    free = world.capacity.get(variant.instance_type)
    if free is not None and in_use(world, variant.instance_type) >= free:
        return None
    charge = Charge(
        endpoint.arn,
        endpoint.name,
        dict(endpoint.tags),
        variant.instance_type,
        price(world, variant.instance_type),
        world.at_us,
    )
    ready_us = world.at_us + us(world.timing.instance_start_s)
    instance = Instance(world.bill.start(charge), world.at_us, ready_us, idle_us=ready_us)
    variant.instances.append(instance)
    return instance


def price(world: World, instance_type: str) -> Decimal:
    if instance_type not in world.prices:
        raise invalid(f"Instance type {instance_type} is not supported in {world.region}.")
    return world.prices[instance_type]


def end(world: World, variant: Variant, instance: Instance) -> None:
    world.bill.end(instance.charge, world.at_us)
    variant.instances.remove(instance)
    for copy in instance.copies:
        copy.instance, copy.is_up, copy.up_us = None, False, NEVER
    instance.copies = []


def end_all(world: World, variants: dict[str, Variant]) -> None:
    for variant in variants.values():
        for instance in list(variant.instances):
            end(world, variant, instance)


def release_us(world: World, variant: Variant) -> int:
    """When the next instance that no copy needs goes; never below the variant's minimum, nor without managed scaling.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
    """
    if not variant.is_managed or len(variant.instances) <= variant.minimum:
        return NEVER
    idle = [instance.idle_us for instance in variant.instances if not instance.copies]
    return min(idle) + us(world.timing.release_after_s) if idle else NEVER


def release(world: World, variant: Variant) -> bool:
    """Let go what is due; True if anything went."""
    went = False
    while release_us(world, variant) <= world.at_us:
        idle = [instance for instance in variant.instances if not instance.copies]
        end(world, variant, min(idle, key=lambda instance: instance.idle_us))
        went = True
    return went


def has_room(instance: Instance, variant: Variant, needs: Needs) -> bool:
    shape = shape_of(variant.instance_type)
    taken = [copy.needs for copy in instance.copies]
    return (
        sum(n.accelerators for n in taken) + needs.accelerators <= shape.accelerators
        and sum(n.cpus for n in taken) + needs.cpus <= shape.cpus
        and sum(n.memory_mib for n in taken) + needs.memory_mib <= shape.memory_mib
    )


def fits_at_all(variant: Variant, needs: Needs) -> bool:
    shape = shape_of(variant.instance_type)
    return (
        needs.accelerators <= shape.accelerators and needs.cpus <= shape.cpus and needs.memory_mib <= shape.memory_mib
    )


def find_room(world: World, endpoint: Endpoint, variant: Variant, copy: Copy) -> str | None:
    """Put the copy on an instance, on a new one if need be. Returns why that cannot be, None when it is done."""
    instance = next((i for i in variant.instances if has_room(i, variant, copy.needs)), None)
    if instance is None:
        if len(variant.instances) >= (variant.maximum if variant.is_managed else variant.initial):
            return (
                "The endpoint does not have enough resources to host the requested copies of the inference component."
            )
        if refusal := quota_refusal(world, variant.instance_type, 1):
            return refusal.message
        instance = launch(world, endpoint, variant)
    if instance is None:
        return NO_CAPACITY
    instance.copies.append(copy)
    instance.idle_us = NEVER
    copy.instance = instance
    copy.up_us = max(world.at_us, instance.ready_us) + us(world.timing.copy_start_s)
    return None


def leave(world: World, copy: Copy) -> None:
    """The copy is gone from its instance, which is idle once its last has left."""
    if copy.instance is not None:
        copy.instance.copies.remove(copy)
        if not copy.instance.copies:
            copy.instance.idle_us = max(world.at_us, copy.instance.ready_us)
    copy.instance, copy.is_up, copy.up_us = None, False, NEVER
