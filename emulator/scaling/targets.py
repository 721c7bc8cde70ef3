"""The calls of Application Auto Scaling.

https://docs.aws.amazon.com/autoscaling/application/APIReference/Welcome.html and, for inference components,
https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
"""

from emulator.errors import Params, Refusal, copied, invalid
from emulator.instants import NEVER, from_us
from emulator.scaling.entities import Policy, Target
from emulator.world import World

DIMENSION = "sagemaker:inference-component:DesiredCopyCount"
TRACKED = "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
KIND = "inference-component/"


def arn(world: World, kind: str, rest: str) -> str:
    return f"arn:aws:application-autoscaling:{world.region}:{world.account}:{kind}/{rest}"


def check(params: Params) -> str:
    """The component that the call is about. Other namespaces and dimensions exist; they are not emulated."""
    if params["ServiceNamespace"] != "sagemaker" or params["ScalableDimension"] != DIMENSION:
        raise invalid(f"Not emulated: {params['ServiceNamespace']} {params['ScalableDimension']}.")
    resource_id: str = params["ResourceId"]
    if not resource_id.startswith(KIND):
        raise invalid(f"Unsupported service namespace, resource type or scalable dimension: {resource_id}")
    return resource_id.removeprefix(KIND)


def not_found(params: Params) -> Refusal:
    return Refusal(
        "ObjectNotFoundException",
        f"No scalable target found for service namespace: sagemaker, resource ID: {params['ResourceId']}, "
        f"scalable dimension: {DIMENSION}",
    )


def register_scalable_target(world: World, params: Params) -> Params:
    """Registers, or changes what the call names of a target that is there."""
    component = check(params)
    if component not in world.components.live:
        raise invalid(f"SageMaker inference component does not exist: {params['ResourceId']}")
    before = world.targets.get(params["ResourceId"])
    minimum = params.get("MinCapacity", before.minimum if before else None)
    maximum = params.get("MaxCapacity", before.maximum if before else None)
    if minimum is None or maximum is None:
        raise invalid("MinCapacity and MaxCapacity are required to register a new scalable target.")
    if not 0 <= minimum <= maximum:
        raise invalid(f"MinCapacity {minimum} and MaxCapacity {maximum} must satisfy 0 <= min <= max.")
    if before:
        before.minimum, before.maximum, before.mend_us = minimum, maximum, NEVER
        return {"ScalableTargetARN": before.arn}
    target = Target(
        resource_id=params["ResourceId"],
        component=component,
        arn=arn(world, "scalable-target", component),
        minimum=minimum,
        maximum=maximum,
        role_arn=params.get("RoleARN")
        or f"arn:aws:iam::{world.account}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
        created_us=world.at_us,
    )
    world.targets[target.resource_id] = target
    return {"ScalableTargetARN": target.arn}


def deregister_scalable_target(world: World, params: Params) -> Params:
    """Its policies go too: .../APIReference/API_DeregisterScalableTarget.html"""
    check(params)
    if world.targets.pop(params["ResourceId"], None) is None:
        raise not_found(params)
    for key in [key for key in world.policies if key[0] == params["ResourceId"]]:
        del world.policies[key]
    return {}


def describe_scalable_targets(world: World, params: Params) -> Params:
    wanted = params.get("ResourceIds")
    found = [target for id_, target in sorted(world.targets.items()) if not wanted or id_ in wanted]
    return paged("ScalableTargets", [target_answer(target) for target in found], params, world)


def target_answer(target: Target) -> Params:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": target.resource_id,
        "ScalableDimension": DIMENSION,
        "MinCapacity": target.minimum,
        "MaxCapacity": target.maximum,
        "RoleARN": target.role_arn,
        "CreationTime": from_us(target.created_us),
        "ScalableTargetARN": target.arn,
    }


def put_scaling_policy(world: World, params: Params) -> Params:
    component = check(params)
    if params["ResourceId"] not in world.targets:
        raise not_found(params)
    key = (params["ResourceId"], params["PolicyName"])
    before = world.policies.get(key)
    settings = {k: v for k, v in params.items() if k in SETTINGS}
    settings.setdefault("PolicyType", before.settings["PolicyType"] if before else "StepScaling")
    check_policy(settings)
    policy_arn = before.arn if before else arn(world, "scaling-policy", f"{component}:policyName/{key[1]}")
    created_us = before.created_us if before else world.at_us
    world.policies[key] = Policy(key[1], key[0], component, policy_arn, settings, created_us)
    return {"PolicyARN": policy_arn, "Alarms": []}


SETTINGS = frozenset({"PolicyType", "StepScalingPolicyConfiguration", "TargetTrackingScalingPolicyConfiguration"})


def check_policy(settings: Params) -> None:
    member = f"{settings['PolicyType']}PolicyConfiguration"
    if member not in SETTINGS or member not in settings:
        raise invalid(f"{member} is required for a policy of type {settings['PolicyType']}.")
    if settings["PolicyType"] == "StepScaling":
        if not settings[member].get("StepAdjustments") or "AdjustmentType" not in settings[member]:
            raise invalid("A step scaling policy needs an AdjustmentType and StepAdjustments.")
    else:
        metric = settings[member].get("PredefinedMetricSpecification", {}).get("PredefinedMetricType")
        if metric != TRACKED:
            raise invalid(f"Not emulated: target tracking on {metric}.")


def delete_scaling_policy(world: World, params: Params) -> Params:
    check(params)
    if world.policies.pop((params["ResourceId"], params["PolicyName"]), None) is None:
        raise Refusal(
            "ObjectNotFoundException",
            f"No scaling policy found for service namespace: sagemaker, resource ID: {params['ResourceId']}, "
            f"scalable dimension: {DIMENSION}, policy name: {params['PolicyName']}",
        )
    return {}


def describe_scaling_policies(world: World, params: Params) -> Params:
    wanted, resource_id = params.get("PolicyNames"), params.get("ResourceId")
    found = [
        policy_answer(policy)
        for _, policy in sorted(world.policies.items())
        if (not wanted or policy.name in wanted) and resource_id in (None, policy.resource_id)
    ]
    return paged("ScalingPolicies", found, params, world)


def policy_answer(policy: Policy) -> Params:
    return {
        "PolicyARN": policy.arn,
        "PolicyName": policy.name,
        "ServiceNamespace": "sagemaker",
        "ResourceId": policy.resource_id,
        "ScalableDimension": DIMENSION,
        **copied(policy.settings),
        "Alarms": [],
        "CreationTime": from_us(policy.created_us),
    }


def paged(member: str, found: list[Params], params: Params, world: World) -> Params:
    token = params.get("NextToken", "0")
    if not token.isdigit():
        raise Refusal("InvalidNextTokenException", "The next token is invalid.")
    start, size = int(token), min(params.get("MaxResults", 50), world.page_size or 50)
    rest = {"NextToken": str(start + size)} if start + size < len(found) else {}
    return {member: found[start : start + size], **rest}
