"""Endpoints: created, updated by a swap of their config, deleted; each in its time, and refused out of turn."""

from emulator.errors import Params, copied, duplicate, invalid, missing, over_limit
from emulator.instants import NEVER, us
from emulator.sagemaker.copies import measure, vanish
from emulator.sagemaker.entities import (
    CREATING,
    DELETING,
    FAILED,
    IN_SERVICE,
    IN_TRANSITION,
    UPDATING,
    Endpoint,
    EndpointConfig,
    Variant,
)
from emulator.sagemaker.instances import NO_CAPACITY, end_all, launch, price, quota_refusal
from emulator.sagemaker.models import CONFIG
from emulator.sagemaker.pages import answer, page, tags_of
from emulator.world import World

ENDPOINT = "endpoint"


def create_endpoint(world: World, params: Params) -> Params:
    name = params["EndpointName"]
    arn = world.arn("endpoint", name)
    if name in world.endpoints.live:
        raise duplicate(ENDPOINT, arn)
    config = config_of(world, params["EndpointConfigName"])
    limit = world.quotas.endpoints
    if limit is not None and len(world.endpoints.live) >= limit:
        raise over_limit(f"The account-level service limit 'Number of endpoints' is {limit} Endpoints.")
    variants = variants_of(config)
    check_quotas(world, variants)
    endpoint = Endpoint(
        name=name,
        arn=arn,
        request=params,
        tags=tags_of(params),
        created_us=world.at_us,
        modified_us=world.at_us,
        config_name=config.name,
        variants=variants,
        role_arn=config.request.get("ExecutionRoleArn"),
    )
    world.endpoints.put(endpoint, world.at_us)
    bring_up(world, endpoint, variants, world.timing.endpoint_create_s)
    world.endpoints.changed(endpoint, world.at_us)
    return {"EndpointArn": arn}


def config_of(world: World, name: str) -> EndpointConfig:
    """The service reads the config with the lag of any reader: one just created may not be there yet.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html (eventually consistent reads)
    """
    config = world.configs.live.get(name)
    if config is None or world.configs.seen(name, world.at_us, world.lag_us) is None:
        raise missing(CONFIG, world.arn("endpoint-config", name))
    return config


def variants_of(config: EndpointConfig) -> dict[str, Variant]:
    found = {}
    for settings in config.request["ProductionVariants"]:
        managed = settings.get("ManagedInstanceScaling", {})
        initial = settings.get("InitialInstanceCount", 1)
        pools = sorted(settings.get("InstancePools", ()), key=lambda pool: pool["Priority"])
        found[settings["VariantName"]] = Variant(
            name=settings["VariantName"],
            instance_type=settings.get("InstanceType") or pools[0]["InstanceType"],
            model_name=settings.get("ModelName"),
            initial=initial,
            minimum=managed.get("MinInstanceCount", 1),
            maximum=managed.get("MaxInstanceCount", initial),
            is_managed=managed.get("Status") == "ENABLED",
            settings=settings,
        )
    return found


def check_quotas(world: World, variants: dict[str, Variant]) -> None:
    for variant in variants.values():
        price(world, variant.instance_type)
        if refusal := quota_refusal(world, variant.instance_type, variant.initial):
            raise refusal


def bring_up(world: World, endpoint: Endpoint, variants: dict[str, Variant], least_s: float) -> None:
    """Launch what the variants start with. Too little to be had: the transition will fail after a long wait."""
    least_s = max(least_s, world.timing.instance_start_s)
    endpoint.is_short = False
    for variant in variants.values():
        for _ in range(variant.initial):
            if launch(world, endpoint, variant) is None:
                endpoint.is_short = True
                least_s = world.timing.capacity_wait_s
    endpoint.due_us = world.at_us + us(least_s)


def describe_endpoint(world: World, params: Params) -> Params:
    name = params["EndpointName"]
    seen = world.endpoints.seen(name, world.at_us, world.lag_us)
    if seen is None or seen.view is None:
        raise missing(ENDPOINT, world.arn("endpoint", name))
    return copied(seen.view)


def update_endpoint(world: World, params: Params) -> Params:
    """Refused while in transition (the message: see delete_endpoint); the old instances serve until the new ones do."""
    endpoint = at_rest(world, params["EndpointName"])
    if endpoint.status != IN_SERVICE:
        raise invalid(f'Cannot update endpoint "{endpoint.arn}" in status {endpoint.status}.')
    config = config_of(world, params["EndpointConfigName"])
    following = variants_of(config)
    for component in world.components.live.values():
        if component.endpoint_name == endpoint.name and component.variant_name not in following:
            raise invalid(f"Cannot remove variant {component.variant_name}: inference components are deployed to it.")
    swapped = {n: v for n, v in following.items() if not is_kept(endpoint, v)}
    check_quotas(world, swapped)
    endpoint.status, endpoint.modified_us, endpoint.failure = UPDATING, world.at_us, None
    endpoint.next_config = (config.name, following)
    bring_up(world, endpoint, swapped, world.timing.endpoint_update_s)
    world.endpoints.changed(endpoint, world.at_us)
    return {"EndpointArn": endpoint.arn}


def is_kept(endpoint: Endpoint, following: Variant) -> bool:
    """A variant of inference components on the same kind of instance keeps its instances through an update."""
    before = endpoint.variants.get(following.name)
    return (
        before is not None
        and before.instance_type == following.instance_type
        and before.model_name is None
        and following.model_name is None
    )


def at_rest(world: World, name: str) -> Endpoint:
    endpoint = world.endpoints.live.get(name)
    if endpoint is None:
        raise missing(ENDPOINT, world.arn("endpoint", name))
    if endpoint.status in IN_TRANSITION:
        raise invalid(f'Cannot update in-progress endpoint "{endpoint.arn}".')
    return endpoint


def delete_endpoint(world: World, params: Params) -> Params:
    """Refused while Creating or Updating, and while it has inference components in any status.

    https://github.com/hashicorp/terraform-provider-aws/issues/40080 (in-progress),
    https://github.com/aws/amazon-sagemaker-examples/issues/3432 and
    https://github.com/aws/amazon-sagemaker-feedback/issues/49 (components)
    """
    endpoint = at_rest(world, params["EndpointName"])
    if any(c.endpoint_name == endpoint.name for c in world.components.live.values()):
        raise invalid(
            f'Cannot delete endpoint "{endpoint.arn}" while inference components are deployed to it. '
            "Delete all inference components first."
        )
    endpoint.status, endpoint.modified_us = DELETING, world.at_us
    endpoint.due_us = world.at_us + us(world.timing.endpoint_delete_s)
    world.endpoints.changed(endpoint, world.at_us)
    return {}


def list_endpoints(world: World, params: Params) -> Params:
    keys = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")
    return answer("Endpoints", *page(world, world.endpoints, params, "Endpoint", keys))


def due_us(world: World, endpoint: Endpoint) -> int:
    if world.stuck and ("endpoint", endpoint.name) in world.stuck:
        return NEVER
    return endpoint.due_us


def arrive(world: World, endpoint: Endpoint) -> None:
    """The transition ends."""
    endpoint.due_us, endpoint.modified_us = NEVER, world.at_us
    if endpoint.status == DELETING:
        remove(world, endpoint)
        return
    if endpoint.status == UPDATING:
        finish_update(world, endpoint)
    elif endpoint.is_short:
        endpoint.status, endpoint.failure = FAILED, NO_CAPACITY
    elif endpoint.name in world.broken and any(v.model_name for v in endpoint.variants.values()):
        endpoint.status = FAILED
        endpoint.failure = "The primary container for production variant did not pass the ping health check."
    elif endpoint.status == CREATING:
        endpoint.status = IN_SERVICE
    world.endpoints.changed(endpoint, world.at_us)


def finish_update(world: World, endpoint: Endpoint) -> None:
    """The new variants take over, or, where their instances could not be had, the old ones stay."""
    assert endpoint.next_config is not None
    name, following = endpoint.next_config
    endpoint.next_config, endpoint.status = None, IN_SERVICE
    if endpoint.is_short:
        endpoint.is_short, endpoint.failure = False, NO_CAPACITY
        end_all(world, following)
        return
    for variant in following.values():
        if is_kept(endpoint, variant):
            variant.instances = endpoint.variants.pop(variant.name).instances
    end_all(world, endpoint.variants)
    endpoint.variants, endpoint.config_name = following, name
    for variant in following.values():
        while len(variant.instances) < variant.minimum and launch(world, endpoint, variant):
            pass
    for component in world.components.live.values():
        if component.endpoint_name == endpoint.name:  # its copies went with the old instances
            world.components.changed(component, world.at_us)
            measure(world, component)


def remove(world: World, endpoint: Endpoint) -> None:
    """The endpoint is gone at once, with its instances and what was deployed to it."""
    for component in [c for c in world.components.live.values() if c.endpoint_name == endpoint.name]:
        vanish(world, component)
    end_all(world, endpoint.variants)
    if endpoint.next_config:
        end_all(world, endpoint.next_config[1])
    world.endpoints.remove(endpoint, world.at_us)
