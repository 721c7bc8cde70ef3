"""Inference components: created on an endpoint in service, scaled by copies, updated in rolls, deleted."""

from typing import Any

from emulator.errors import Params, Refusal, copied, duplicate, invalid, missing
from emulator.instants import us
from emulator.sagemaker.copies import changed, host, measure, scale
from emulator.sagemaker.endpoints import ENDPOINT
from emulator.sagemaker.entities import (
    CREATING,
    DELETING,
    IN_SERVICE,
    IN_TRANSITION,
    UPDATING,
    Component,
    Endpoint,
    needs_of,
)
from emulator.sagemaker.instances import fits_at_all
from emulator.sagemaker.models import MODEL
from emulator.sagemaker.pages import answer, page, tags_of
from emulator.world import World

COMPONENT = "inference component"
PROGRESS = {CREATING: "CREATE_IN_PROGRESS", UPDATING: "UPDATE_IN_PROGRESS", DELETING: "DELETE_IN_PROGRESS"}


def create_inference_component(world: World, params: Params) -> Params:
    name = params["InferenceComponentName"]
    arn = world.arn("inference-component", name)
    if name in world.components.live:
        raise duplicate(COMPONENT, arn)
    endpoint = world.endpoints.live.get(params["EndpointName"])
    if endpoint is None:
        raise missing(ENDPOINT, world.arn("endpoint", params["EndpointName"]))
    if endpoint.status != IN_SERVICE:
        raise invalid(
            f'Cannot create inference component on endpoint "{endpoint.arn}" in status {endpoint.status}: '
            "it must be InService."
        )
    specification = specification_of(params)
    if specification is None:
        raise invalid("Exactly one of Specification and Specifications is required.")
    variant_name = params.get("VariantName") or next(iter(endpoint.variants))
    check(world, endpoint, variant_name, specification)
    component = Component(
        name=name,
        arn=arn,
        request=params,
        tags=tags_of(params),
        created_us=world.at_us,
        modified_us=world.at_us,
        endpoint_name=endpoint.name,
        endpoint_arn=endpoint.arn,
        variant_name=variant_name,
        specification=specification,
        desired=params.get("RuntimeConfig", {}).get("CopyCount", 1),
        settle_us=world.at_us + us(world.timing.component_create_s),
    )
    world.components.put(component, world.at_us)
    measure(world, component)
    return {"InferenceComponentArn": arn}


def specification_of(params: Params) -> Params | None:
    single, several = params.get("Specification"), params.get("Specifications")
    if single and several:
        raise invalid("Specification and Specifications are mutually exclusive.")
    chosen: Params | None = single or (several[0] if several else None)
    return chosen


def check(world: World, endpoint: Endpoint, variant_name: str, specification: Params) -> None:
    variant = endpoint.variants.get(variant_name)
    if variant is None:
        raise invalid(f'Could not find variant "{variant_name}" of endpoint "{endpoint.arn}".')
    if variant.model_name is not None:
        raise invalid(f'Variant "{variant_name}" hosts a model and takes no inference components.')
    model = specification.get("ModelName")
    if model and world.models.seen(model, world.at_us, world.lag_us) is None:
        raise missing(MODEL, world.arn("model", model))
    if not model and "Container" not in specification:
        raise invalid("Specification needs a ModelName or a Container.")
    if not fits_at_all(variant, needs_of(specification)):
        raise invalid(f"The compute requirements exceed what an instance of {variant.instance_type} has.")


def find(world: World, params: Params) -> Component:
    name = params["InferenceComponentName"]
    component = world.components.live.get(name)
    if component is None:
        raise missing(COMPONENT, world.arn("inference-component", name))
    return component


def at_rest(world: World, params: Params, verb: str) -> Component:
    """https://github.com/aws/amazon-sagemaker-examples/issues/3432: nothing can be done while it is Creating."""
    component = find(world, params)
    if component.status in IN_TRANSITION:
        raise invalid(f'Cannot {verb} inference component "{component.arn}" in status {PROGRESS[component.status]}.')
    return component


def describe_inference_component(world: World, params: Params) -> Params:
    name = params["InferenceComponentName"]
    seen = world.components.seen(name, world.at_us, world.lag_us)
    if seen is None or seen.view is None:
        raise missing(COMPONENT, world.arn("inference-component", name))
    return copied(seen.view)


def update_inference_component(world: World, params: Params) -> Params:
    """A new specification rolls out batch by batch, the old copies serving until new ones are up.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-rolling.html
    """
    specification = specification_of(params)
    copies = params.get("RuntimeConfig", {}).get("CopyCount")
    if specification is None and copies is None:
        raise invalid("Specification or RuntimeConfig is required.")
    component = at_rest(world, params, "update")
    at = host(world, component)
    if at is None:
        raise missing(ENDPOINT, component.endpoint_arn)
    if specification is not None:
        check(world, at[0], component.variant_name, specification)
        component.former, component.specification = component.specification, specification
        component.revision += 1
        component.deployment = params.get("DeploymentConfig")
        component.batch = batch_size(component, params)
    scale(world, component, component.desired if copies is None else copies)
    return {"InferenceComponentArn": component.arn}


def batch_size(component: Component, params: Params) -> int:
    rolling: Any = params.get("DeploymentConfig", {}).get("RollingUpdatePolicy", {})
    batch = rolling.get("MaximumBatchSize", {"Type": "COPY_COUNT", "Value": 1})
    count: int = batch["Value"] if batch["Type"] == "COPY_COUNT" else component.desired * batch["Value"] // 100
    return max(1, count)


def update_inference_component_runtime_config(world: World, params: Params) -> Params:
    component = at_rest(world, params, "update")
    scale(world, component, params["DesiredRuntimeConfig"]["CopyCount"])
    return {"InferenceComponentArn": component.arn}


def delete_inference_component(world: World, params: Params) -> Params:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-delete-with-scaling.html: deregister scaling first."""
    component = at_rest(world, params, "delete")
    if f"inference-component/{component.name}" in world.targets:
        raise invalid(
            f'Cannot delete inference component "{component.arn}": an Application Auto Scaling scalable target exists '
            "for it. Deregister it first."
        )
    component.status = DELETING
    component.settle_us = world.at_us + us(world.timing.component_delete_s)
    changed(world, component)
    return {}


def list_inference_components(world: World, params: Params) -> Params:
    keys = (
        "CreationTime",
        "InferenceComponentArn",
        "InferenceComponentName",
        "EndpointArn",
        "EndpointName",
        "VariantName",
        "InferenceComponentStatus",
        "LastModifiedTime",
    )

    def keep(view: Params) -> bool:
        on, variant = params.get("EndpointNameEquals"), params.get("VariantNameEquals")
        return on in (None, view["EndpointName"]) and variant in (None, view["VariantName"])

    found = page(world, world.components, params, "InferenceComponent", keys, keep)
    return answer("InferenceComponents", *found)


def invoke(world: World, endpoint_name: str, component_name: str | None) -> None:
    """A request to the runtime: answered, or refused as at zero copies.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
    """
    endpoint = world.endpoints.live.get(endpoint_name)
    if endpoint is None or endpoint.status in {CREATING, DELETING}:
        raise Refusal("ValidationError", f"Endpoint {endpoint_name} of account {world.account} not found.")
    if component_name is None:
        return
    component = world.components.live.get(component_name)
    if component is None or component.endpoint_name != endpoint_name:
        raise Refusal("ValidationError", f"Inference Component {component_name} of endpoint {endpoint_name} not found.")
    series = world.series_of(component_name)
    if not component.up:
        series.count("NoCapacityInvocationFailures", world.at_us)
        raise Refusal(
            "ValidationError",
            "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress "
            "(if configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API.",
        )
    series.count("Invocations", world.at_us)
