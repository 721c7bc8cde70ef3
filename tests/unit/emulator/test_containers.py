"""Copies that wait for real containers: in service when healthy, failed when they never are."""

from tests.unit.emulator.scenes import (
    NAME,
    awake,
    cloud_at,
    component,
    copies_of,
    create_component,
    create_endpoint,
    scale,
    specification,
)


class Runner:
    """Whoever runs containers; this one's get healthy when the test says."""

    def __init__(self):
        self.is_well = False

    def is_healthy(self, copy):
        return self.is_well


def created(clock, runner):
    cloud = cloud_at(clock, containers=runner)
    create_endpoint(cloud)
    clock.advance(300)
    create_component(cloud)
    return cloud


def test_a_copy_is_in_service_only_once_its_container_is_healthy(clock):
    runner = Runner()
    cloud = created(clock, runner)
    clock.advance(500)
    assert component(cloud)["InferenceComponentStatus"] == "Creating"
    assert copies_of(cloud) == (0, 1)

    runner.is_well = True
    clock.advance(1)
    assert component(cloud)["InferenceComponentStatus"] == "InService"
    assert copies_of(cloud) == (1, 1)


def test_a_container_that_never_gets_healthy_fails_its_component(clock):
    cloud = created(clock, Runner())
    clock.advance(239 + 600)
    assert component(cloud)["InferenceComponentStatus"] == "Creating"
    clock.advance(3)
    assert component(cloud)["InferenceComponentStatus"] == "Failed"
    assert "did not pass the ping health check" in component(cloud)["FailureReason"]
    assert cloud.containers() == []


def test_containers_run_from_when_the_instance_is_there_until_the_copy_is_gone(clock):
    runner = Runner()
    cloud = cloud_at(clock, containers=runner)
    create_endpoint(cloud, maximum=2)
    clock.advance(300)
    create_component(cloud, copies=2)
    (first,) = cloud.containers()
    assert (first.endpoint, first.component, first.region) == (NAME, NAME, "us-east-1")
    assert (first.image, first.environment) == ("account.dkr.ecr/vllm:1", {"SM_VLLM_MODEL": "llama"})
    clock.advance(179)
    assert len(cloud.containers()) == 1, "the second one's instance is still starting"
    clock.advance(1)
    assert len(cloud.containers()) == 2

    runner.is_well = True
    clock.advance(400)
    scale(cloud, 0)
    clock.advance(29)
    assert len(cloud.containers()) == 2, "they serve until they have stopped"
    clock.advance(1)
    assert cloud.containers() == []


def test_during_a_roll_old_copies_keep_their_container_beside_the_new(clock):
    cloud = awake(clock)
    changed = specification(image="account.dkr.ecr/vllm:2")
    cloud.client("sagemaker").update_inference_component(InferenceComponentName=NAME, Specification=changed)
    clock.advance(200)
    assert {one.image for one in cloud.containers()} == {"account.dkr.ecr/vllm:1", "account.dkr.ecr/vllm:2"}
    clock.advance(600)
    assert [one.image for one in cloud.containers()] == ["account.dkr.ecr/vllm:2"]


def test_a_container_that_the_test_broke_is_not_started(clock):
    cloud = cloud_at(clock)
    create_endpoint(cloud)
    clock.advance(300)
    cloud.break_containers(NAME)
    create_component(cloud)
    clock.advance(300)
    assert cloud.containers() == []


def test_a_model_names_the_container_where_the_specification_does_not(clock):
    cloud = cloud_at(clock)
    create_endpoint(cloud)
    clock.advance(300)
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_model(ModelName="m", PrimaryContainer={"Image": "registry/tei:1", "Environment": {"A": "b"}})
    sagemaker.create_inference_component(
        InferenceComponentName=NAME,
        EndpointName=NAME,
        VariantName="AllTraffic",
        Specification={"ModelName": "m", "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024}},
        RuntimeConfig={"CopyCount": 1},
    )
    (one,) = cloud.containers()
    assert (one.image, one.environment) == ("registry/tei:1", {"A": "b"})
