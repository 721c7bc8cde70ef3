"""Ready-made scenes of the emulated cloud: a model asleep, awake, half created."""

from decimal import Decimal

from botocore.exceptions import ClientError

from emulator.cloud import Cloud
from tests.fakes.clock import FakeClock

G5, G5_USD = "ml.g5.xlarge", Decimal("1.408")
ROLE = "arn:aws:iam::123456789012:role/hosting"
NAME = "lm-dev-llama-1a2b3c"
TAGS = [{"Key": "llmanager:stage", "Value": "dev"}, {"Key": "llmanager:name", "Value": "llama"}]
SCALING = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": f"inference-component/{NAME}",
    "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
}


def cloud_at(clock: FakeClock, **conditions) -> Cloud:
    return Cloud(clock, prices={G5: G5_USD, "ml.g5.12xlarge": Decimal("7.09")}, **conditions)


def variant(initial=1, minimum=0, maximum=2, instance_type=G5):
    return {
        "VariantName": "AllTraffic",
        "InstanceType": instance_type,
        "InitialInstanceCount": initial,
        "ManagedInstanceScaling": {"Status": "ENABLED", "MinInstanceCount": minimum, "MaxInstanceCount": maximum},
    }


def create_config(cloud, name=NAME, **counts):
    return cloud.client("sagemaker").create_endpoint_config(
        EndpointConfigName=name, ExecutionRoleArn=ROLE, ProductionVariants=[variant(**counts)], Tags=TAGS
    )


def create_endpoint(cloud, name=NAME, **counts):
    create_config(cloud, name, **counts)
    return cloud.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=TAGS)


def specification(image="account.dkr.ecr/vllm:1", gpus=1):
    return {
        "Container": {"Image": image, "Environment": {"SM_VLLM_MODEL": "llama"}},
        "ComputeResourceRequirements": {"NumberOfAcceleratorDevicesRequired": gpus, "MinMemoryRequiredInMb": 1024},
    }


def create_component(cloud, name=NAME, endpoint=NAME, copies=1, **changes):
    return cloud.client("sagemaker").create_inference_component(
        InferenceComponentName=name,
        EndpointName=endpoint,
        VariantName="AllTraffic",
        Specification=specification(),
        RuntimeConfig={"CopyCount": copies},
        Tags=TAGS,
        **changes,
    )


def awake(clock, copies=1, **conditions) -> Cloud:
    """A model in service, its copies up."""
    counts = {key: conditions.pop(key) for key in ("initial", "minimum", "maximum") if key in conditions}
    cloud = cloud_at(clock, **conditions)
    create_endpoint(cloud, **counts)
    clock.advance(300)
    create_component(cloud, copies=copies)
    clock.advance(600)
    assert component(cloud)["InferenceComponentStatus"] == "InService"
    return cloud


def endpoint(cloud, name=NAME):
    return cloud.client("sagemaker").describe_endpoint(EndpointName=name)


def component(cloud, name=NAME):
    return cloud.client("sagemaker").describe_inference_component(InferenceComponentName=name)


def copies_of(cloud, name=NAME):
    counts = component(cloud, name)["RuntimeConfig"]
    return counts["CurrentCopyCount"], counts["DesiredCopyCount"]


def scale(cloud, copies, name=NAME):
    return cloud.client("sagemaker").update_inference_component_runtime_config(
        InferenceComponentName=name, DesiredRuntimeConfig={"CopyCount": copies}
    )


def register(cloud, minimum, maximum):
    client = cloud.client("application-autoscaling")
    return client.register_scalable_target(**SCALING, MinCapacity=minimum, MaxCapacity=maximum)


def refusal(call, *args, **kwargs) -> tuple[str, str]:
    """Code and message of the refusal; fails if there is none."""
    try:
        call(*args, **kwargs)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError("was not refused")
