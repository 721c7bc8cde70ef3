"""The runtime over HTTP, as boto3 and the OpenAI-compatible path see it."""

import json
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPException

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, EventStreamError, ReadTimeoutError

from emulator.http.runtime import LARGEST_BYTES, Limits
from llmanager.adapters.aws.bearer import token
from tests.fakes.emulated_hosting import TEI, hosting
from tests.fakes.emulator_server import client, stand_in
from tests.fakes.eventually import eventually
from tests.fakes.openai_engine import vector_of

CHAT = {"messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    with hosting(tmp_path_factory.mktemp("cache"), chat=stand_in(), embedding=stand_in()) as models:
        models.create("chat", SM_VLLM_SERVED_MODEL_NAME="chat")
        models.create("vectors", TEI)
        models.create("asleep", copies=0)
        assert {models.settled(name) for name in ("chat", "vectors", "asleep")} == {"InService"}
        yield models


def refusal(call, *args, **kwargs):
    with pytest.raises(ClientError) as caught:
        call(*args, **kwargs)
    return caught.value.response


def stream(models, name, body):
    answer = models.runtime.invoke_endpoint_with_response_stream(
        EndpointName=name, InferenceComponentName=name, Body=json.dumps(body)
    )
    with closing(answer["Body"]) as events:
        return answer["ContentType"], b"".join(event["PayloadPart"]["Bytes"] for event in events)


def test_a_chat_is_answered_by_the_container(models):
    assert models.invoke("chat", CHAT)["choices"][0]["message"]["content"] == "hello"


def test_a_stream_comes_in_payload_parts(models):
    content_type, content = stream(models, "chat", CHAT | {"stream": True, "max_tokens": 5})
    assert content_type == "text/event-stream"
    assert content.endswith(b"data: [DONE]\n\n")
    assert content.count(b"data: {") == 6


def test_tei_gives_vectors_alone_whole_or_as_a_stream(models):
    assert models.invoke("vectors", {"inputs": ["a", "b"]}) == [vector_of("a"), vector_of("b")]
    assert json.loads(stream(models, "vectors", {"inputs": "a"})[1]) == [vector_of("a")]


def test_a_containers_refusal_is_a_model_error_with_its_own_status_inside(models):
    told = refusal(models.invoke, "vectors", {"inputs": ["a"] * 33})
    assert (told["Error"]["Code"], told["OriginalStatusCode"]) == ("ModelError", 422)
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert "batch size 33" in told["OriginalMessage"]
    assert refusal(models.invoke, "chat", CHAT | {"model": "other"})["OriginalStatusCode"] == 404


def test_the_openai_path_passes_answers_and_streams_through(models):
    status, content_type, text = models.openai("chat", CHAT | {"model": "chat"})
    assert (status, content_type) == (200, "application/json")
    assert json.loads(text)["object"] == "chat.completion"
    status, content_type, text = models.openai("chat", CHAT | {"stream": True})
    assert (status, content_type) == (200, "text/event-stream")
    assert text.endswith("data: [DONE]\n\n")


def test_the_openai_path_passes_the_containers_errors_through(models):
    status, _, text = models.openai("chat", CHAT | {"model": "other"})
    assert (status, json.loads(text)["error"]["type"]) == (404, "NotFoundError")


def test_the_openai_path_has_chat_completions_only(models):
    assert models.openai("vectors", {"input": "a"}, path="v1/embeddings")[0] == 404


def test_the_openai_path_takes_its_own_keys_only(models):
    status, code, _ = models.openai("chat", CHAT, key="sk-1")
    assert (status, code) == (403, "MissingAuthenticationTokenException")
    other = token(Credentials("AKID", "secret"), "eu-west-1")
    status, code, _ = models.openai("chat", CHAT, key=other)
    assert (status, code) == (400, "ValidationError"), "there is no such endpoint in that region"


def test_without_a_copy_every_path_refuses_in_the_same_words_and_the_refusals_are_counted(models):
    begin = datetime.now(UTC) - timedelta(seconds=60)
    told = refusal(models.invoke, "asleep", CHAT)["Error"]
    assert told["Code"] == "ValidationError"
    assert told["Message"].startswith("Inference Component has no capacity to process this request.")
    assert refusal(stream, models, "asleep", CHAT)["Error"] == told
    status, code, text = models.openai("asleep", CHAT)
    assert (status, code, json.loads(text)["message"]) == (400, "ValidationError", told["Message"])

    (found,) = client("cloudwatch", models.url).get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="NoCapacityInvocationFailures",
        Dimensions=[{"Name": "InferenceComponentName", "Value": "asleep"}],
        StartTime=begin,
        EndTime=datetime.now(UTC) + timedelta(seconds=3600),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"][-1:]
    assert found["Sum"] == 3


@pytest.mark.parametrize(
    ("endpoint", "component", "words"),
    [
        ("none", "chat", "Endpoint none of account 000000000000 not found"),
        ("chat", "vectors", "Inference Component vectors of endpoint chat not found"),
        ("chat", None, "Inference Component Name header is required"),
    ],
)
def test_what_is_not_there_is_refused(models, endpoint, component, words):
    named = {} if component is None else {"InferenceComponentName": component}
    told = refusal(models.runtime.invoke_endpoint, EndpointName=endpoint, Body=b"{}", **named)
    assert told["Error"]["Code"] == "ValidationError"
    assert words in told["Error"]["Message"]


def test_a_body_has_at_most_six_mib(models):
    body = {"messages": [{"role": "user", "content": ""}]}
    body["messages"][0]["content"] = "x" * (LARGEST_BYTES - len(json.dumps(body)))
    assert models.invoke("chat", body)["choices"]
    body["messages"][0]["content"] += "x"
    told = refusal(models.invoke, "chat", body)["Error"]
    assert told["Code"] == "ValidationError"
    assert str(LARGEST_BYTES) in told["Message"]
    body["messages"][0]["content"] += "x" * LARGEST_BYTES
    assert refusal(models.invoke, "chat", body)["Error"]["Code"] == "ValidationError"


def test_requests_that_run_at_once_are_the_load_that_scaling_follows(tmp_path):
    with hosting(tmp_path, chat=stand_in("--hung")) as models:
        models.create("chat")
        assert models.settled("chat") == "InService"
        track(models, "chat", target=1.0)
        sent = client("sagemaker-runtime", models.url, read_timeout=2)
        asked = {"EndpointName": "chat", "InferenceComponentName": "chat", "Body": json.dumps(CHAT)}
        callers = [threading.Thread(target=impatient, args=(sent.invoke_endpoint, asked)) for _ in range(2)]
        for caller in callers:
            caller.start()

        eventually(lambda: models.component("chat")["RuntimeConfig"]["DesiredCopyCount"] == 2)

        for caller in callers:
            caller.join()
        eventually(lambda: {one["requests"] for one in models.containers()} == {0})  # who left is not waited for


def impatient(call, params):
    with pytest.raises(ReadTimeoutError):
        call(**params)


def track(models, name, target):
    of = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"inference-component/{name}",
        "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
    }
    scaling = client("application-autoscaling", models.url)
    scaling.register_scalable_target(**of, MinCapacity=0, MaxCapacity=2)
    metric = {"PredefinedMetricType": "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"}
    scaling.put_scaling_policy(
        **of,
        PolicyName="load",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"PredefinedMetricSpecification": metric, "TargetValue": target},
    )


def test_a_container_that_does_not_answer_in_time_is_a_model_error(tmp_path):
    with hosting(tmp_path, Limits(answer_s=0.2), chat=stand_in("--hung")) as models:
        models.create("chat")
        assert models.settled("chat") == "InService"
        told = refusal(models.invoke, "chat", CHAT)
        assert (told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"]) == ("ModelError", 424)
        assert "invocation timed out" in told["Error"]["Message"]


def test_a_stream_that_lasts_too_long_ends_with_an_error_event(tmp_path):
    with hosting(tmp_path, Limits(stream_s=0.5), chat=stand_in("--token-s", "0.2")) as models:
        models.create("chat")
        assert models.settled("chat") == "InService"
        with pytest.raises(EventStreamError, match="ModelStreamError"):
            stream(models, "chat", CHAT | {"stream": True, "max_tokens": 50})
        with pytest.raises((OSError, HTTPException)):
            models.openai("chat", CHAT | {"stream": True, "max_tokens": 50})


def test_a_containers_own_failure_is_told(tmp_path):
    with hosting(tmp_path, chat=stand_in("--status", "500")) as models:
        models.create("chat")
        assert models.settled("chat") == "InService"
        told = refusal(models.invoke, "chat", CHAT)
        assert (told["Error"]["Code"], told["OriginalStatusCode"]) == ("ModelError", 500)
        assert models.openai("chat", CHAT)[0] == 500
