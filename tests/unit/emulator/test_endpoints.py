"""Endpoints and what they are made from: their statuses in time, and what is refused out of turn."""

import pytest
from botocore.exceptions import ParamValidationError

from emulator.conditions import Quotas
from tests.unit.emulator.scenes import (
    G5,
    NAME,
    ROLE,
    TAGS,
    awake,
    cloud_at,
    create_component,
    create_config,
    create_endpoint,
    endpoint,
    refusal,
    variant,
)

ARN = f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{NAME}"


def test_an_endpoint_is_creating_for_a_while_and_then_in_service(clock):
    cloud = cloud_at(clock)
    assert create_endpoint(cloud)["EndpointArn"] == ARN
    assert endpoint(cloud)["EndpointStatus"] == "Creating"
    clock.advance(179)
    assert endpoint(cloud)["EndpointStatus"] == "Creating"
    clock.advance(1)
    described = endpoint(cloud)
    assert described["EndpointStatus"] == "InService"
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert (described["LastModifiedTime"] - described["CreationTime"]).total_seconds() == 180


def test_neither_delete_nor_update_is_taken_while_creating(clock):
    cloud = cloud_at(clock)
    create_endpoint(cloud)
    create_config(cloud, "next")
    sm = cloud.client("sagemaker")
    in_progress = ("ValidationException", f'Cannot update in-progress endpoint "{ARN}".')
    assert refusal(sm.delete_endpoint, EndpointName=NAME) == in_progress
    assert refusal(sm.update_endpoint, EndpointName=NAME, EndpointConfigName="next") == in_progress


def test_a_name_is_taken_until_the_endpoint_is_gone_and_models_and_configs_outlive_it(clock):
    cloud = cloud_at(clock)
    sm = cloud.client("sagemaker")
    sm.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "i"})
    create_endpoint(cloud)
    clock.advance(200)
    sm.delete_endpoint(EndpointName=NAME)
    again = refusal(sm.create_endpoint, EndpointName=NAME, EndpointConfigName=NAME)
    assert again == ("ValidationException", f'Cannot create already existing endpoint "{ARN}".')
    clock.advance(60)
    gone = refusal(sm.describe_endpoint, EndpointName=NAME)
    assert gone == ("ValidationException", f'Could not find endpoint "{ARN}".')
    assert {item.kind for item in cloud.billable()} == {"model", "endpoint-config"}
    assert sm.describe_model(ModelName="m")["PrimaryContainer"] == {"Image": "i"}
    sm.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)


@pytest.mark.parametrize("kind", ["Model", "EndpointConfig"])
def test_models_and_configs_exist_once_and_can_be_deleted_once(clock, kind):
    cloud = cloud_at(clock)
    sm = cloud.client("sagemaker")
    create = {
        "Model": lambda: sm.create_model(ModelName=NAME),
        "EndpointConfig": lambda: create_config(cloud),
    }[kind]
    delete = {
        "Model": lambda: sm.delete_model(ModelName=NAME),
        "EndpointConfig": lambda: sm.delete_endpoint_config(EndpointConfigName=NAME),
    }[kind]
    create()
    assert refusal(create)[1].startswith("Cannot create already existing")
    delete()
    assert refusal(delete)[1].startswith("Could not find")


def test_an_endpoint_with_components_cannot_be_deleted_and_a_stuck_one_bills_meanwhile(clock):
    cloud = cloud_at(clock)
    create_endpoint(cloud)
    clock.advance(200)
    sm = cloud.client("sagemaker")
    cloud.stick(NAME)
    create_component(cloud)
    spent = cloud.bill.usd(clock.now())
    clock.advance(2 * 86_400)
    assert "inference components" in refusal(sm.delete_endpoint, EndpointName=NAME)[1]
    assert "CREATE_IN_PROGRESS" in refusal(sm.delete_inference_component, InferenceComponentName=NAME)[1]
    assert cloud.bill.usd(clock.now()) - spent == 48 * cloud.bill.running(clock.now())[0].usd_per_hour
    cloud.unstick(NAME)
    clock.advance(500)
    sm.delete_inference_component(InferenceComponentName=NAME)
    clock.advance(100)
    sm.delete_endpoint(EndpointName=NAME)
    clock.advance(100)
    assert cloud.bill.running(clock.now()) == []


def test_no_instance_to_be_had_makes_the_endpoint_fail_and_what_it_got_bills_until_it_is_deleted(clock):
    cloud = cloud_at(clock, capacity={G5: 1})
    create_endpoint(cloud, initial=2)
    clock.advance(899)
    assert endpoint(cloud)["EndpointStatus"] == "Creating"
    clock.advance(1)
    described = endpoint(cloud)
    assert described["EndpointStatus"] == "Failed"
    assert "InsufficientInstanceCapacity" in described["FailureReason"]
    clock.advance(86_400)
    assert len(cloud.bill.running(clock.now())) == 1
    cloud.client("sagemaker").delete_endpoint(EndpointName=NAME)
    clock.advance(60)
    assert cloud.bill.running(clock.now()) == []


def test_a_quota_refuses_at_once(clock):
    cloud = cloud_at(clock, quotas=Quotas(instances={G5: 1}))
    create_config(cloud, initial=2)
    sm = cloud.client("sagemaker")
    code, message = refusal(sm.create_endpoint, EndpointName=NAME, EndpointConfigName=NAME)
    assert code == "ResourceLimitExceeded"
    assert f"'{G5} for endpoint usage' is 1 Instances, with current utilization of 0" in message
    assert [item.kind for item in cloud.billable()] == ["endpoint-config"]


def test_an_update_swaps_the_config_and_the_old_instances_serve_until_it_ends(clock):
    cloud = awake(clock)
    sm = cloud.client("sagemaker")
    sm.create_endpoint_config(
        EndpointConfigName="next", ExecutionRoleArn=ROLE, ProductionVariants=[variant(instance_type="ml.g5.12xlarge")]
    )
    sm.update_endpoint(EndpointName=NAME, EndpointConfigName="next")
    assert endpoint(cloud)["EndpointStatus"] == "Updating"
    cloud.invoke(NAME, NAME)
    assert {line.instance_type for line in cloud.bill.running(clock.now())} == {G5, "ml.g5.12xlarge"}
    clock.advance(180)
    assert endpoint(cloud)["EndpointConfigName"] == "next"
    assert {line.instance_type for line in cloud.bill.running(clock.now())} == {"ml.g5.12xlarge"}


def test_min_0_needs_a_variant_without_model_and_components_need_the_role(clock):
    sm = cloud_at(clock).client("sagemaker")
    sm.create_model(ModelName="m")
    with_model = {**variant(minimum=0), "ModelName": "m"}
    create = sm.create_endpoint_config
    assert "MinInstanceCount of 0" in refusal(create, EndpointConfigName="c", ProductionVariants=[with_model])[1]
    assert "ExecutionRoleArn" in refusal(create, EndpointConfigName="c", ProductionVariants=[variant()])[1]


def test_an_endpoint_that_vanishes_takes_its_instances_and_components(clock):
    cloud = awake(clock)
    cloud.vanish(NAME)
    assert cloud.bill.running(clock.now()) == []
    assert {item.kind for item in cloud.billable()} == {"endpoint-config"}


def test_requests_are_held_against_the_service_model(clock):
    sm = cloud_at(clock).client("sagemaker")
    with pytest.raises(ParamValidationError, match="EndpointConfigName"):
        sm.create_endpoint(EndpointName=NAME)
    code, message = refusal(sm.create_model, ModelName="under_score")
    assert code == "ValidationException"
    assert "'under_score' at 'modelName' failed to satisfy constraint" in message
    bad_type = [variant(instance_type="ml.z9.huge")]
    assert (
        "enum value set" in refusal(sm.create_endpoint_config, EndpointConfigName="c", ProductionVariants=bad_type)[1]
    )
    with pytest.raises(AttributeError, match="not emulated"):
        sm.create_training_job()


def test_regions_are_apart_and_on_one_bill(clock):
    cloud = cloud_at(clock)
    create_endpoint(cloud)
    far = cloud.client("sagemaker", "eu-west-1")
    assert far.list_endpoints()["Endpoints"] == []
    far.create_endpoint_config(EndpointConfigName=NAME, ExecutionRoleArn=ROLE, ProductionVariants=[variant()])
    far.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME, Tags=TAGS)
    assert [item.region for item in cloud.billable() if item.kind == "endpoint"] == ["eu-west-1", "us-east-1"]
    assert len(cloud.bill.running(clock.now())) == 2
