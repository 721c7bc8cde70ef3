"""Models and endpoint configurations: descriptions that cost nothing and outlive the endpoints made from them.

https://github.com/aws/sagemaker-python-sdk/issues/447 and /2194: deleting an endpoint leaves both behind.
"""

from emulator.errors import Params, copied, duplicate, invalid, missing
from emulator.sagemaker.entities import EndpointConfig, Model
from emulator.sagemaker.instances import price
from emulator.sagemaker.pages import answer, page, tags_of
from emulator.world import World

MODEL, CONFIG = "model", "endpoint configuration"


def create_model(world: World, params: Params) -> Params:
    name = params["ModelName"]
    arn = world.arn("model", name)
    if name in world.models.live:
        raise duplicate(MODEL, arn)
    model = Model(
        name=name, arn=arn, request=params, tags=tags_of(params), created_us=world.at_us, modified_us=world.at_us
    )
    world.models.put(model, world.at_us)
    return {"ModelArn": arn}


def describe_model(world: World, params: Params) -> Params:
    name = params["ModelName"]
    seen = world.models.seen(name, world.at_us, world.lag_us)
    if seen is None or seen.view is None:
        raise missing(MODEL, world.arn("model", name))
    return copied(seen.view)


def delete_model(world: World, params: Params) -> Params:
    name = params["ModelName"]
    model = world.models.live.get(name)
    if model is None:
        raise missing(MODEL, world.arn("model", name))
    world.models.remove(model, world.at_us)
    return {}


def list_models(world: World, params: Params) -> Params:
    keys = ("ModelName", "ModelArn", "CreationTime")
    return answer("Models", *page(world, world.models, params, "Model", keys))


def create_endpoint_config(world: World, params: Params) -> Params:
    name = params["EndpointConfigName"]
    arn = world.arn("endpoint-config", name)
    if name in world.configs.live:
        raise duplicate(CONFIG, arn)
    for variant in params["ProductionVariants"]:
        check_variant(world, variant, params)
    config = EndpointConfig(
        name=name, arn=arn, request=params, tags=tags_of(params), created_us=world.at_us, modified_us=world.at_us
    )
    world.configs.put(config, world.at_us)
    return {"EndpointConfigArn": arn}


def check_variant(world: World, variant: Params, params: Params) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html"""
    name = variant["VariantName"]
    if "InstanceType" in variant:
        price(world, variant["InstanceType"])
    elif "ServerlessConfig" not in variant and "InstancePools" not in variant:
        raise invalid(f"Instance type must be specified for production variant {name}.")
    check_counts(variant)
    if "ModelName" in variant:
        if variant.get("ManagedInstanceScaling", {}).get("MinInstanceCount") == 0:
            raise invalid(
                f"MinInstanceCount of 0 in production variant {name} needs inference components: no ModelName."
            )
        if world.models.seen(variant["ModelName"], world.at_us, world.lag_us) is None:
            raise missing(MODEL, world.arn("model", variant["ModelName"]))
    elif "ExecutionRoleArn" not in params:
        raise invalid("ExecutionRoleArn is required for an endpoint configuration that hosts inference components.")


def check_counts(variant: Params) -> None:
    managed = variant.get("ManagedInstanceScaling", {})
    minimum, maximum = managed.get("MinInstanceCount"), managed.get("MaxInstanceCount")
    for member, count in (("MinInstanceCount", minimum), ("InitialInstanceCount", variant.get("InitialInstanceCount"))):
        if count is not None and maximum is not None and count > maximum:
            raise invalid(
                f"{member} {count} is greater than MaxInstanceCount {maximum} in variant {variant['VariantName']}."
            )


def describe_endpoint_config(world: World, params: Params) -> Params:
    name = params["EndpointConfigName"]
    seen = world.configs.seen(name, world.at_us, world.lag_us)
    if seen is None or seen.view is None:
        raise missing(CONFIG, world.arn("endpoint-config", name))
    return copied(seen.view)


def delete_endpoint_config(world: World, params: Params) -> Params:
    """Also one in use: its endpoint stays, "you may lose visibility into the instance type".

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteEndpointConfig.html
    """
    name = params["EndpointConfigName"]
    config = world.configs.live.get(name)
    if config is None:
        raise missing(CONFIG, world.arn("endpoint-config", name))
    world.configs.remove(config, world.at_us)
    return {}


def list_endpoint_configs(world: World, params: Params) -> Params:
    keys = ("EndpointConfigName", "EndpointConfigArn", "CreationTime")
    return answer("EndpointConfigs", *page(world, world.configs, params, "EndpointConfig", keys))
