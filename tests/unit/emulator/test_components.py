"""Inference components: copies that wake, sleep, roll, fail; instances that follow them."""

import pytest

from tests.unit.emulator.scenes import (
    G5,
    NAME,
    awake,
    cloud_at,
    component,
    copies_of,
    create_component,
    create_endpoint,
    endpoint,
    refusal,
    register,
    scale,
    specification,
)


def test_a_component_needs_an_endpoint_in_service(clock):
    cloud = cloud_at(clock)
    create_endpoint(cloud)
    assert "must be InService" in refusal(create_component, cloud)[1]
    clock.advance(200)
    create_component(cloud)
    assert "Cannot create already existing inference component" in refusal(create_component, cloud)[1]
    assert "Could not find endpoint" in refusal(create_component, cloud, name="x", endpoint="nowhere")[1]


def test_a_component_is_creating_until_its_copies_are_up(clock):
    cloud = cloud_at(clock)
    create_endpoint(cloud)
    clock.advance(200)
    create_component(cloud)
    clock.advance(239)
    assert (component(cloud)["InferenceComponentStatus"], copies_of(cloud)) == ("Creating", (0, 1))
    clock.advance(1)
    described = component(cloud)
    assert (described["InferenceComponentStatus"], copies_of(cloud)) == ("InService", (1, 1))
    assert described["Specification"]["Container"]["Environment"] == {"SM_VLLM_MODEL": "llama"}
    assert described["Specification"]["Container"]["DeployedImage"]["SpecifiedImage"] == "account.dkr.ecr/vllm:1"


@pytest.mark.parametrize("status", ["Creating", "Updating", "Deleting"])
def test_nothing_else_is_taken_while_in_transition(clock, status):
    cloud = cloud_at(clock)
    create_endpoint(cloud)
    clock.advance(200)
    create_component(cloud)
    sm = cloud.client("sagemaker")
    if status != "Creating":
        clock.advance(600)
        scale(cloud, 0) if status == "Updating" else sm.delete_inference_component(InferenceComponentName=NAME)
    assert component(cloud)["InferenceComponentStatus"] == status
    name = {"InferenceComponentName": NAME}
    assert f"{status[:-3].upper()}E_IN_PROGRESS" in refusal(scale, cloud, 1)[1]
    assert refusal(sm.delete_inference_component, **name)[0] == "ValidationException"
    assert refusal(sm.update_inference_component, **name, Specification=specification())[0] == "ValidationException"


def test_sleep_releases_the_instance_after_ten_minutes_and_wake_starts_one(clock):
    cloud = awake(clock)
    scale(cloud, 0)
    clock.advance(30)
    assert copies_of(cloud) == (0, 0)
    clock.advance(599)
    assert len(cloud.bill.running(clock.now())) == 1
    clock.advance(1)
    assert cloud.bill.running(clock.now()) == []
    assert endpoint(cloud)["ProductionVariants"][0]["CurrentInstanceCount"] == 0
    scale(cloud, 1)
    assert len(cloud.bill.running(clock.now())) == 1
    clock.advance(180 + 240 - 1)
    assert component(cloud)["InferenceComponentStatus"] == "Updating"
    clock.advance(1)
    assert (component(cloud)["InferenceComponentStatus"], copies_of(cloud)) == ("InService", (1, 1))


def test_at_zero_and_while_waking_a_request_fails_for_want_of_capacity(clock):
    cloud = awake(clock)
    cloud.invoke(NAME, NAME)
    scale(cloud, 0)
    clock.advance(30)
    code, message = refusal(cloud.invoke, NAME, NAME)
    assert code == "ValidationError"
    assert "no capacity" in message
    assert "UpdateInferenceComponentRuntimeConfig" in message
    scale(cloud, 1)
    clock.advance(60)
    assert "no capacity" in refusal(cloud.invoke, NAME, NAME)[1]
    assert "not found" in refusal(cloud.invoke, "nowhere", NAME)[1]


def test_copies_beyond_the_instances_start_more_up_to_the_maximum(clock):
    cloud = awake(clock)
    scale(cloud, 2)
    clock.advance(420)
    assert copies_of(cloud) == (2, 2)
    scale(cloud, 3)
    clock.advance(900)
    described = component(cloud)
    assert described["InferenceComponentStatus"] == "Failed"
    assert "not have enough resources" in described["FailureReason"]
    assert copies_of(cloud) == (2, 3)
    scale(cloud, 1)
    clock.advance(60)
    assert (component(cloud)["InferenceComponentStatus"], copies_of(cloud)) == ("InService", (1, 1))


def test_no_capacity_makes_a_wake_fail_and_capacity_that_comes_in_time_saves_it(clock):
    cloud = awake(clock)
    scale(cloud, 0)
    clock.advance(1000)
    cloud.set_capacity(G5, 0)
    scale(cloud, 1)
    clock.advance(900)
    assert "InsufficientInstanceCapacity" in component(cloud)["FailureReason"]
    scale(cloud, 1)
    clock.advance(800)
    cloud.set_capacity(G5, 1)
    clock.advance(420)
    assert (component(cloud)["InferenceComponentStatus"], copies_of(cloud)) == ("InService", (1, 1))


def test_containers_that_never_get_healthy_make_the_component_fail(clock):
    cloud = cloud_at(clock)
    create_endpoint(cloud)
    clock.advance(200)
    cloud.break_containers(NAME)
    create_component(cloud)
    clock.advance(240 + 600)
    assert "ping health check" in component(cloud)["FailureReason"]
    clock.advance(600)
    assert cloud.bill.running(clock.now()) == []


def test_an_update_rolls_old_copies_serving_until_new_ones_are_up(clock):
    cloud = awake(clock)
    sm = cloud.client("sagemaker")
    sm.update_inference_component(InferenceComponentName=NAME, Specification=specification("account.dkr.ecr/vllm:2"))
    for _ in range(42):
        clock.advance(10)
        cloud.invoke(NAME, NAME)
    clock.advance(30)
    described = component(cloud)
    assert (described["InferenceComponentStatus"], copies_of(cloud)) == ("InService", (1, 1))
    assert described["Specification"]["Container"]["DeployedImage"]["SpecifiedImage"] == "account.dkr.ecr/vllm:2"
    assert len(cloud.bill.running(clock.now())) == 2
    clock.advance(600)
    assert len(cloud.bill.running(clock.now())) == 1


def test_an_update_that_finds_no_room_goes_back_and_never_stops_serving(clock):
    cloud = awake(clock, maximum=1)
    sm = cloud.client("sagemaker")
    sm.update_inference_component(InferenceComponentName=NAME, Specification=specification("account.dkr.ecr/vllm:2"))
    for _ in range(91):
        clock.advance(10)
        cloud.invoke(NAME, NAME)
    described = component(cloud)
    assert described["InferenceComponentStatus"] == "InService"
    assert described["Specification"]["Container"]["DeployedImage"]["SpecifiedImage"] == "account.dkr.ecr/vllm:1"
    assert "not have enough resources" in described["FailureReason"]


def test_a_component_with_a_scalable_target_cannot_be_deleted(clock):
    cloud = awake(clock)
    register(cloud, 0, 1)
    sm = cloud.client("sagemaker")
    assert "Deregister it first" in refusal(sm.delete_inference_component, InferenceComponentName=NAME)[1]


def test_two_components_share_an_instance_only_where_both_fit(clock):
    cloud = awake(clock, maximum=1)
    create_component(cloud, name="second")
    clock.advance(900)
    assert component(cloud, "second")["InferenceComponentStatus"] == "Failed"
    with pytest.raises(AssertionError, match="was not refused"):
        refusal(cloud.client("sagemaker").delete_inference_component, InferenceComponentName="second")
