"""Faults on order, the digest, and real boto3 clients routed into the emulator."""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from emulator.boto import connect
from emulator.faults import Crash
from tests.fakes.clock import FakeClock
from tests.unit.emulator.scenes import (
    NAME,
    TAGS,
    awake,
    cloud_at,
    component,
    create_component,
    create_config,
    create_endpoint,
    endpoint,
    refusal,
    register,
    scale,
)


def test_the_gate_comes_before_the_fence_and_the_fence_before_the_effect(clock):
    seen = []
    cloud = cloud_at(clock, before_send=lambda operation: seen.append(("send", operation, cloud.billable())))
    cloud.gate = lambda service, operation, params: seen.append(("gate", operation, params))
    cloud.client("sagemaker").create_model(ModelName="m")
    assert seen == [("gate", "CreateModel", {"ModelName": "m"}), ("send", "CreateModel", [])]


@pytest.mark.parametrize(
    ("directive", "raises", "is_done"),
    [
        ("throttle", ClientError, False),
        ("timeout after effect", ReadTimeoutError, True),
        ("crash after", Crash, True),
    ],
)
def test_the_gate_chooses_how_a_call_fails(clock, directive, raises, is_done):
    cloud = cloud_at(clock, gate=lambda service, operation, params: directive)
    with pytest.raises(raises):
        cloud.client("sagemaker").create_model(ModelName="m")
    assert bool(cloud.billable()) is is_done


def test_a_gate_or_fence_that_raises_stops_the_call(clock):
    def stop(*_):
        raise Crash

    cloud = cloud_at(clock, gate=stop)
    with pytest.raises(Crash):
        create_config(cloud)
    cloud.gate, cloud.before_send = None, stop
    with pytest.raises(Crash):
        create_config(cloud)
    assert cloud.billable() == []


def test_each_service_throttles_in_its_own_words(clock):
    cloud = cloud_at(clock, gate=lambda service, operation, params: "throttle")
    assert refusal(cloud.client("sagemaker").list_models)[0] == "ThrottlingException"
    assert refusal(cloud.client("cloudwatch").describe_alarms)[0] == "Throttling"
    assert refusal(cloud.client("resourcegroupstaggingapi").get_resources)[0] == "ThrottledException"


def test_the_next_call_fails_as_planned_once_with_or_without_effect(clock):
    cloud = cloud_at(clock)
    sm = cloud.client("sagemaker")
    cloud.fail_next("create_model", "InternalFailure")
    with pytest.raises(ClientError) as caught:
        sm.create_model(ModelName="a")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    cloud.fail_next("CreateModel", "ExpiredTokenException", "The security token expired.", after_effect=True)
    assert refusal(sm.create_model, ModelName="b") == ("ExpiredTokenException", "The security token expired.")
    assert [item.name for item in cloud.billable()] == ["b"]
    sm.create_model(ModelName="a")


def test_equal_pasts_give_equal_digests_and_any_difference_shows():
    def build(change=lambda cloud, clock: None, lag_s=0.0):
        clock = FakeClock()
        cloud = awake(clock, lag_s=lag_s)
        register(cloud, 0, 1)
        change(cloud, clock)
        return cloud.digest()

    changes = [
        lambda cloud, clock: None,
        lambda cloud, clock: clock.advance(1),
        lambda cloud, clock: scale(cloud, 0),
        lambda cloud, clock: register(cloud, 0, 2),
        lambda cloud, clock: cloud.load(NAME, 1),
        lambda cloud, clock: cloud.stick(NAME),
        lambda cloud, clock: cloud.fail_next("ListModels", "InternalFailure"),
        lambda cloud, clock: cloud.client("sagemaker").add_tags(
            ResourceArn=endpoint(cloud)["EndpointArn"], Tags=[{"Key": "a", "Value": "b"}]
        ),
    ]
    digests = [build(change) for change in changes]
    assert len(set(digests)) == len(changes)
    assert digests == [build(change) for change in changes]


def test_the_digest_is_of_the_future_not_of_the_date_nor_of_the_money_spent():
    early, late = FakeClock(), FakeClock()
    late.advance(86_400)
    first, second = cloud_at(early), cloud_at(late)
    create_endpoint(second)
    late.advance(200)
    second.client("sagemaker").delete_endpoint(EndpointName=NAME)
    second.client("sagemaker").delete_endpoint_config(EndpointConfigName=NAME)
    late.advance(100)
    first.world()
    assert first.digest() == second.digest()
    create_endpoint(first)
    create_endpoint(second)
    assert first.digest() == second.digest()


def test_what_a_late_reader_may_still_see_is_part_of_the_digest(clock):
    cloud = cloud_at(clock, lag_s=5)
    empty = cloud_at(clock, lag_s=5)
    empty.world()
    create_config(cloud)
    cloud.client("sagemaker").delete_endpoint_config(EndpointConfigName=NAME)
    create_config(cloud, "other")
    clock.advance(2)
    cloud.client("sagemaker").delete_endpoint_config(EndpointConfigName="other")
    clock.advance(4)
    assert cloud.digest() != empty.digest()
    clock.advance(2)
    assert cloud.digest() == empty.digest()


@pytest.fixture
def real(clock):
    cloud = cloud_at(clock)

    def client(service):
        made = boto3.client(
            service,
            region_name="us-east-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",
            config=Config(retries={"total_max_attempts": 1}),
        )
        connect(made, cloud)
        return made

    cloud.real = client
    return cloud


def test_a_real_boto3_client_answers_from_the_emulator(real, clock):
    create_endpoint(real)
    clock.advance(200)
    create_component(real)
    clock.advance(600)
    sm = real.real("sagemaker")
    answer = sm.describe_inference_component(InferenceComponentName=NAME)
    assert answer == component(real)
    with pytest.raises(sm.exceptions.ClientError, match="Could not find endpoint"):
        sm.delete_endpoint(EndpointName="nowhere")
    targets = real.real("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    assert targets["ScalableTargets"] == []
    assert real.real("cloudwatch").describe_alarms()["MetricAlarms"] == []
    pages = real.real("resourcegroupstaggingapi").get_paginator("get_resources").paginate()
    assert sum(len(page["ResourceTagMappingList"]) for page in pages) == 3
    with pytest.raises(NotImplementedError, match="not emulated"):
        sm.list_training_jobs()


def test_a_real_clients_own_fence_runs_between_gate_and_effect(real):
    seen = []
    real.gate = lambda service, operation, params: seen.append("gate")
    sm = real.real("sagemaker")

    def fence(request, **_):
        seen.append(("fence", request.method, real.billable()))
        raise TimeoutError("the lease ran out")

    sm.meta.events.register("before-send.sagemaker.*", fence)
    with pytest.raises(TimeoutError):
        sm.create_model(ModelName="m", Tags=TAGS)
    assert seen == ["gate", ("fence", "POST", [])]
    assert real.billable() == []


def test_faults_reach_a_real_client_as_botocore_raises_them(real):
    sm = real.real("sagemaker")
    real.gate = lambda service, operation, params: "throttle"
    with pytest.raises(ClientError, match="ThrottlingException"):
        sm.list_models()
    real.gate = lambda service, operation, params: "timeout after effect"
    with pytest.raises(ReadTimeoutError):
        sm.create_model(ModelName="m")
    real.gate = lambda service, operation, params: "crash after"
    with pytest.raises(Crash):
        sm.create_model(ModelName="n")
    assert [item.name for item in real.billable()] == ["m", "n"]


def test_an_in_process_client_has_the_fence_of_a_real_one(clock):
    cloud = cloud_at(clock)
    sm = cloud.client("sagemaker")
    seen = []
    sm.meta.events.register("before-send.sagemaker.*", lambda event_name, **_: seen.append(event_name))
    sm.create_model(ModelName="m")
    assert seen == ["before-send.sagemaker.CreateModel"]
    assert issubclass(sm.exceptions.ResourceLimitExceeded, ClientError)
