"""The control plane over HTTP: what real boto3 clients send and are told is what the in-process account says."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from emulator.contract import contract
from tests.fakes.emulator_server import client, emulator_server
from tests.unit.emulator import scenes
from tests.unit.emulator.scenes import NAME, ROLE, TAGS, cloud_at, specification, variant

SIGNED = (
    "AWS4-HMAC-SHA256 Credential=AKID/20261120/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=" + "0" * 64
)


@pytest.fixture
def cloud(clock):
    return cloud_at(clock)


@pytest.fixture
def url(cloud):
    with emulator_server(cloud) as url:
        yield url


@pytest.fixture
def sagemaker(url):
    return client("sagemaker", url)


def send(url, path="/", body=b"{}", **headers):
    """Status, headers and body of a raw POST."""
    names = {"target": "X-Amz-Target", "authorization": "Authorization", "protocol": "smithy-protocol"}
    request = urllib.request.Request(url + path, body, {names[name]: value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def create(sagemaker, clock):
    sagemaker.create_endpoint_config(
        EndpointConfigName=NAME, ExecutionRoleArn=ROLE, ProductionVariants=[variant()], Tags=TAGS
    )
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME, Tags=TAGS)
    clock.advance(300)
    sagemaker.create_inference_component(
        InferenceComponentName=NAME,
        EndpointName=NAME,
        VariantName="AllTraffic",
        Specification=specification(),
        RuntimeConfig={"CopyCount": 1},
        Tags=TAGS,
    )
    clock.advance(600)


def test_boto3_gets_the_answers_that_the_account_gives_in_process(cloud, clock, sagemaker):
    create(sagemaker, clock)
    clock.advance(0.123)

    for operation, params in (
        ("describe_endpoint", {"EndpointName": NAME}),
        ("describe_endpoint_config", {"EndpointConfigName": NAME}),
        ("describe_inference_component", {"InferenceComponentName": NAME}),
        ("list_inference_components", {}),
    ):
        sent = getattr(sagemaker, operation)(**params)
        called = getattr(cloud.client("sagemaker"), operation)(**params)
        assert {**sent, "ResponseMetadata": None} == {**called, "ResponseMetadata": None}, operation
    assert sagemaker.describe_inference_component(InferenceComponentName=NAME)["RuntimeConfig"] == {
        "DesiredCopyCount": 1,
        "CurrentCopyCount": 1,
    }


def test_the_other_services_answer_at_the_same_address(url, clock, sagemaker):
    create(sagemaker, clock)
    scaling, watch = client("application-autoscaling", url), client("cloudwatch", url)
    of = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"inference-component/{NAME}",
        "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
    }
    scaling.register_scalable_target(**of, MinCapacity=0, MaxCapacity=2)
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 2)

    watch.put_metric_alarm(
        AlarmName=NAME,
        MetricName="NoCapacityInvocationFailures",
        Namespace="AWS/SageMaker",
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        EvaluationPeriods=1,
        Period=30,
        Threshold=1.0,
        Statistic="Maximum",
        Tags=TAGS,
    )
    (alarm,) = watch.describe_alarms()["MetricAlarms"]
    assert (alarm["Threshold"], alarm["AlarmConfigurationUpdatedTimestamp"]) == (1.0, clock.now())

    pages = client("resourcegroupstaggingapi", url).get_paginator("get_resources")
    found = pages.paginate(TagFilters=[{"Key": TAGS[0]["Key"]}]).build_full_result()["ResourceTagMappingList"]
    assert len(found) == 4


def test_metrics_of_a_time_are_asked_for_and_answered_as_times(url, cloud, clock, sagemaker):
    create(sagemaker, clock)
    clock.advance(600)
    metric = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "ConcurrentRequestsPerCopy",
        "Dimensions": [{"Name": "InferenceComponentName", "Value": NAME}],
    }
    asked = {
        "MetricDataQueries": [{"Id": "q", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}],
        "StartTime": datetime(2026, 11, 20, 12, 20, tzinfo=UTC),
        "EndTime": clock.now(),
    }
    (sent,) = client("cloudwatch", url).get_metric_data(**asked)["MetricDataResults"]
    (called,) = cloud.client("cloudwatch").get_metric_data(**asked)["MetricDataResults"]
    assert sent == called
    assert sent["Values"]


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("sagemaker", "describe_endpoint", {"EndpointName": "none"}),
        ("sagemaker", "create_endpoint", {"EndpointName": "-bad-", "EndpointConfigName": "none"}),
        ("cloudwatch", "delete_alarms", {"AlarmNames": ["none"]}),
        ("application-autoscaling", "deregister_scalable_target", scenes.SCALING),
    ],
)
def test_a_refusal_is_the_same_error_as_in_process(url, cloud, service, operation, params):
    with pytest.raises(ClientError) as caught:
        getattr(cloud.client(service), operation)(**params)
    in_process = caught.value
    with pytest.raises(ClientError) as caught:
        getattr(client(service, url), operation)(**params)

    sent = caught.value.response
    assert {key: sent["Error"][key] for key in ("Code", "Message")} == in_process.response["Error"]
    assert sent["ResponseMetadata"]["HTTPStatusCode"] == in_process.response["ResponseMetadata"]["HTTPStatusCode"]
    assert type(caught.value).__name__ == type(in_process).__name__


def test_rpc_cbor_is_answered_in_kind(url, clock):
    model = contract("resourcegroupstaggingapi").model.operation_model("GetResources")
    request = create_serializer("smithy-rpc-v2-cbor").serialize_to_request({"ResourcesPerPage": 5}, model)
    sent = {"path": request["url_path"], "authorization": SIGNED.format("tagging"), "protocol": "rpc-v2-cbor"}
    status, headers, body = send(url, body=request["body"], **sent)
    parser = create_parser("smithy-rpc-v2-cbor")
    parsed = parser.parse({"body": body, "headers": headers, "status_code": status}, model.output_shape)
    assert (status, headers["smithy-protocol"], parsed["ResourceTagMappingList"]) == (200, "rpc-v2-cbor", [])

    model = contract("cloudwatch").model.operation_model("DeleteAlarms")
    request = create_serializer("smithy-rpc-v2-cbor").serialize_to_request({"AlarmNames": ["none"]}, model)
    sent = {"path": request["url_path"], "authorization": SIGNED.format("monitoring"), "protocol": "rpc-v2-cbor"}
    status, headers, body = send(url, body=request["body"], **sent)
    lowered = {name.lower(): value for name, value in headers.items()}
    parsed = parser.parse({"body": body, "headers": lowered, "status_code": status}, model.output_shape)
    assert (status, parsed["Error"]["Code"]) == (400, "ResourceNotFound")
    assert parsed["Error"]["Message"] == "Alarm none does not exist."


@pytest.mark.parametrize(
    ("target", "authorization", "body", "status", "code"),
    [
        ("SageMaker.ListModels", None, b"{}", 403, "MissingAuthenticationTokenException"),
        ("SageMaker.ListModels", "Bearer x", b"{}", 403, "IncompleteSignatureException"),
        ("SageMaker.ListModels", SIGNED.format("s3"), b"{}", 403, "InvalidSignatureException"),
        ("SageMaker.CreateTrainingJob", SIGNED.format("sagemaker"), b"{}", 400, "UnknownOperationException"),
        ("DynamoDB_20120810.ListTables", SIGNED.format("dynamodb"), b"{}", 400, "UnknownOperationException"),
        ("SageMaker.ListModels", SIGNED.format("sagemaker"), b"{", 400, "SerializationException"),
        ("SageMaker.ListModels", SIGNED.format("sagemaker"), b"[]", 400, "SerializationException"),
        ("SageMaker.AddTags", SIGNED.format("sagemaker"), b'{"Tags": {}}', 400, "ValidationException"),
        ("SageMaker.AddTags", SIGNED.format("sagemaker"), b'{"Tags": 1}', 400, "SerializationException"),
    ],
)
def test_what_boto3_would_never_send_is_refused(url, target, authorization, body, status, code):
    headers = {"target": target} | ({"authorization": authorization} if authorization else {})
    answered, _, said = send(url, body=body, **headers)
    assert (answered, json.loads(said)["__type"]) == (status, code)


def test_each_region_is_a_world_of_its_own(url, sagemaker):
    sagemaker.create_model(ModelName="m")
    assert client("sagemaker", url, region_name="eu-west-1").list_models()["Models"] == []
    assert [model["ModelName"] for model in sagemaker.list_models()["Models"]] == ["m"]


def test_people_see_the_bill_and_what_exists_and_may_act_behind_its_back(url, clock, sagemaker):
    create(sagemaker, clock)
    assert send(url, "/_emulator/fail_next", json.dumps({"operation": "ListModels", "code": "Throttling"}).encode())[0]
    with pytest.raises(ClientError, match="Throttling"):
        sagemaker.list_models()
    assert send(url, "/_emulator/nothing")[0] == 404
    assert send(url, "/_emulator/set_capacity", b'{"type": 1}')[0] == 400

    with urllib.request.urlopen(url + "/_emulator/bill", timeout=10) as answer:
        bill = json.load(answer)
    assert (bill["usd_per_hour"], len(bill["lines"]), bill["lines"][0]["resource"]) == ("1.408", 1, NAME)
    assert bill["usd"] == "0.352"
    with urllib.request.urlopen(url + "/_emulator/resources", timeout=10) as answer:
        assert {item["kind"] for item in json.load(answer)} == {"endpoint-config", "endpoint", "inference-component"}
