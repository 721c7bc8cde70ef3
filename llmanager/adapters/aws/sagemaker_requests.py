"""What is asked of AWS for an order, as the bodies of the calls. Pure; every name comes from the resource's."""

from typing import Any, Final

from llmanager.adapters.aws.sagemaker_calls import DIMENSION, NAMESPACE, UPDATED, VARIANT, scalable_id
from llmanager.adapters.aws.sagemaker_catalog import Choice
from llmanager.adapters.aws.sagemaker_quote import ENV_TOKEN
from llmanager.adapters.aws.sagemaker_tags import listed, written
from llmanager.models.entities import Kind, Order

Body = dict[str, Any]
REVISION: Final = "LLMANAGER_REVISION"
SERVED_NAME: Final = "SM_VLLM_SERVED_MODEL_NAME"
DOWNLOAD_TIMEOUT_S: Final = 1800
HEALTH_TIMEOUT_S: Final = 1200
UPDATE_TIMEOUT_S: Final = 7200
STEP_COOLDOWN_S: Final = 60
SCALE_IN_COOLDOWN_S: Final = 300
ROOM_TO_UPDATE: Final = 1  # instances above the most copies: a rolling update starts a new copy before an old one goes
MAX_TEXTS: Final = "2048"  # of one request for vectors: as many as OpenAI takes
TMP_CACHE: Final = "/tmp/hub"  # noqa: S108 - inside the container, where /opt/ml/model cannot be written


def most_copies(order: Order) -> int:
    return max(order.spec.scaling.max, order.replicas, 1)


def most_instances(order: Order) -> int:
    return most_copies(order) + ROOM_TO_UPDATE


def config_name(order: Order, choice: Choice) -> str:
    """Of a config that replaces an endpoint's first one. It tells what it says, so the same order gives the same."""
    kind = choice.instance_type.removeprefix("ml.").replace(".", "-")
    return f"{order.resource}{UPDATED}{kind}-{most_instances(order)}"


def endpoint_config(name: str, order: Order, choice: Choice, role_arn: str) -> Body:
    variant: Body = {
        "VariantName": VARIANT,
        "InstanceType": choice.instance_type,
        "InitialInstanceCount": 1,
        "ManagedInstanceScaling": {
            "Status": "ENABLED",
            "MinInstanceCount": 0,
            "MaxInstanceCount": most_instances(order),
        },
        "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
    }
    if choice.ami is not None:
        variant["InferenceAmiVersion"] = choice.ami
    return {
        "EndpointConfigName": name,
        "ProductionVariants": [variant],
        "ExecutionRoleArn": role_arn,
        "Tags": listed(written(order.tags)),
    }


def config_serves(config: Body, choice: Choice, order: Order) -> bool:
    """Whether an endpoint with this config can run the order. More room than needed does no harm."""
    variant = config["ProductionVariants"][0]
    most = variant.get("ManagedInstanceScaling", {}).get("MaxInstanceCount", 0)
    return bool(variant["InstanceType"] == choice.instance_type and most >= most_instances(order))


def endpoint(order: Order, config: str) -> Body:
    return {"EndpointName": order.resource, "EndpointConfigName": config, "Tags": listed(written(order.tags))}


def component(order: Order, choice: Choice, hub_token: str | None) -> Body:
    return {
        "InferenceComponentName": order.resource,
        "EndpointName": order.resource,
        "VariantName": VARIANT,
        "Specification": specification(order, choice, hub_token),
        "RuntimeConfig": {"CopyCount": order.replicas},
        "Tags": listed(written(order.tags)),
    }


def specification(order: Order, choice: Choice, hub_token: str | None) -> Body:
    container: Body = {"Image": choice.image, "Environment": environment(order, choice, hub_token)}
    if order.spec.weights is not None:
        container["ArtifactUrl"] = order.spec.weights
    machine = choice.machine
    # A copy takes every GPU of its machine; half the memory leaves room for what AWS runs beside it.
    compute: Body = {"MinMemoryRequiredInMb": machine.memory_gib * 512}
    if machine.gpus:
        compute["NumberOfAcceleratorDevicesRequired"] = float(machine.gpus)
    else:
        compute["NumberOfCpuCoresRequired"] = float(max(1, machine.vcpus - 1))
    return {
        "Container": container,
        "StartupParameters": {
            "ModelDataDownloadTimeoutInSeconds": DOWNLOAD_TIMEOUT_S,
            "ContainerStartupHealthCheckTimeoutInSeconds": HEALTH_TIMEOUT_S,
        },
        "ComputeResourceRequirements": compute,
    }


def environment(order: Order, choice: Choice, hub_token: str | None) -> dict[str, str]:
    """The catalog's, then the user's over it; the revision last, which nobody may change."""
    spec = order.spec
    env = _engine(order, choice)
    if spec.weights is None and choice.model.is_gated and hub_token is not None:
        env[ENV_TOKEN] = hub_token
    return env | dict(spec.env) | {REVISION: str(order.revision)}


def _engine(order: Order, choice: Choice) -> dict[str, str]:
    spec, gpus = order.spec, max(1, choice.machine.gpus)
    source = {} if spec.weights is not None else {"HF_MODEL_ID": choice.model.hub_id}
    context = str(min(spec.context_tokens or choice.model.context_tokens, choice.model.context_tokens))
    if choice.engine == "vllm":
        env = source | {
            "SM_VLLM_MAX_MODEL_LEN": context,
            "SM_VLLM_TENSOR_PARALLEL_SIZE": str(gpus),
            SERVED_NAME: order.resource,
        }
        return env | ({"SM_VLLM_RUNNER": "pooling"} if spec.kind is Kind.EMBEDDING else {})
    if choice.engine == "lmi":
        return source | {
            "OPTION_MAX_MODEL_LEN": context,
            "OPTION_TENSOR_PARALLEL_DEGREE": str(gpus),
            "OPTION_ROLLING_BATCH": "disable",
            "OPTION_ASYNC_MODE": "true",
            "OPTION_ENTRYPOINT": "djl_python.lmi_vllm.vllm_async_service",
            "HF_HOME": TMP_CACHE,
        }
    return source | {"AUTO_TRUNCATE": "true", "MAX_CLIENT_BATCH_SIZE": MAX_TEXTS}


def new_specification(order: Order, choice: Choice, hub_token: str | None) -> Body:
    """For copies that serve: new ones come up, one at a time, before old ones go."""
    return {
        "InferenceComponentName": order.resource,
        "Specification": specification(order, choice, hub_token),
        "DeploymentConfig": {
            "RollingUpdatePolicy": {
                "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1},
                "WaitIntervalInSeconds": 0,
                "MaximumExecutionTimeoutInSeconds": UPDATE_TIMEOUT_S,
            }
        },
    }


def target(order: Order, *, held: int | None) -> Body:
    """`held`: the floor of a target that exists, which it keeps as far as the order allows. None: there is none yet."""
    return {
        "ServiceNamespace": NAMESPACE,
        "ResourceId": scalable_id(order.resource),
        "ScalableDimension": DIMENSION,
        "MinCapacity": min(held or 0, most_copies(order)),
        "MaxCapacity": most_copies(order),
    } | ({"Tags": written(order.tags)} if held is None else {})


def tracking_policy(order: Order) -> Body:
    return {
        "PolicyName": f"{order.resource}-load",
        "ServiceNamespace": NAMESPACE,
        "ResourceId": scalable_id(order.resource),
        "ScalableDimension": DIMENSION,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
            },
            "TargetValue": float(order.spec.scaling.target_concurrency),
            "ScaleInCooldown": SCALE_IN_COOLDOWN_S,
            "ScaleOutCooldown": STEP_COOLDOWN_S,
        },
    }


def wake_policy(order: Order) -> Body:
    return {
        "PolicyName": f"{order.resource}-wake",
        "ServiceNamespace": NAMESPACE,
        "ResourceId": scalable_id(order.resource),
        "ScalableDimension": DIMENSION,
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Maximum",
            "Cooldown": STEP_COOLDOWN_S,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
        },
    }


def wake_alarm(order: Order, policy_arn: str) -> Body:
    """Requests that find no copy wake the model even while our own gateway is down."""
    return {
        "AlarmName": order.resource,
        "AlarmActions": [policy_arn],
        "Namespace": "AWS/SageMaker",
        "MetricName": "NoCapacityInvocationFailures",
        "Dimensions": [{"Name": "InferenceComponentName", "Value": order.resource}],
        "Statistic": "Maximum",
        "Period": 30,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "missing",
        "Tags": listed(written(order.tags)),
    }
