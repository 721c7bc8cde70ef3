"""SageMaker's runtime as the gateway's client meets it: OpenAI's path, InvokeEndpoint, and what AWS says itself."""

import asyncio
import json

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from llmanager.adapters.aws.sagemaker_endpoints import INVOKED, INVOKED_TEI
from llmanager.adapters.aws.sagemaker_stream import WRAPPED
from llmanager.adapters.aws.sagemaker_upstreams import MAX_BODY_BYTES, SageMakerUpstreams
from llmanager.adapters.aws.sigv4 import signer
from llmanager.adapters.remote.aiohttp_upstreams import AiohttpUpstreams
from llmanager.gateway.errors import UpstreamUnreached
from llmanager.gateway.ports import Upstream
from llmanager.kernel.errors import InvalidInput, TooLarge, Unavailable, UpstreamFailed
from tests.fakes.upstream_server import Call, UpstreamServer
from tests.unit.adapters.aws.test_sagemaker_stream import wrapped

KEYS = Credentials("AKIDEXAMPLE", "secret", "session")
NO_CAPACITY = (
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress "
    "(if configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API."
)


def asked(script, path, body, *, protocol=INVOKED, credentials=KEYS):
    """Status and body of the answer, the calls that came to the runtime, and which upstreams were missed."""
    missed = []

    async def ask():
        plain = AiohttpUpstreams()
        upstreams = SageMakerUpstreams(plain, signer(credentials, "sagemaker", "us-east-1"), missed.append)
        async with UpstreamServer(script) as server:
            url = f"http://127.0.0.1:{server.port}/endpoints/lm-a/inference-components/lm-a/openai"
            upstream = Upstream("lm-a/0", url, authorization="Bearer t", protocol=protocol)
            try:
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                response = await upstreams.post(upstream, path, data, first_byte_s=5)
                told = response.status, await response.read(10_000_000)
                await response.close()
                return told, server.calls
            finally:
                calls.extend(server.calls)
                await plain.close()

    calls: list[Call] = []
    try:
        (status, told), _ = asyncio.run(ask())
    except Exception as error:
        error.missed, error.calls = missed, calls
        raise
    return status, told, calls, missed


def answering(status, body, **headers):
    return lambda call: call.answer(status, body if isinstance(body, bytes) else json.dumps(body).encode(), **headers)


def test_a_chat_goes_by_openais_path_with_the_bearer_token():
    status, body, (call,), _ = asked(answering(200, {"ok": 1}), "/v1/chat/completions", {"messages": []})
    assert (status, json.loads(body)) == (200, {"ok": 1})
    assert call.path == "/endpoints/lm-a/inference-components/lm-a/openai/v1/chat/completions"
    assert call.headers["authorization"] == "Bearer t"


def test_embeddings_are_invoked_and_signed_as_received():
    _, body, (call,), _ = asked(answering(200, {"data": []}), "/v1/embeddings", {"model": "m", "input": ["a"]})
    assert json.loads(body) == {"data": []}
    assert call.path == "/endpoints/lm-a/invocations"
    assert call.headers["x-amzn-sagemaker-inference-component"] == "lm-a"
    assert call.headers["x-amzn-sagemaker-custom-attributes"] == "route=/v1/embeddings"
    assert call.json == {"model": "m", "input": ["a"]}
    assert call.headers["authorization"] == signature_of(call)
    assert call.headers["x-amz-security-token"] == "session"


def signature_of(call: Call) -> str:
    """What AWS would reckon from what came over the wire."""
    told = call.headers["authorization"]
    names = told.split("SignedHeaders=")[1].split(",")[0].split(";")
    headers = {name: call.headers[name] for name in names if name not in ("host", "x-amz-date", "x-amz-security-token")}
    again = AWSRequest("POST", f"http://{call.headers['host']}{call.path}", headers=headers, data=call.body)
    again.context["timestamp"] = call.headers["x-amz-date"]
    auth = SigV4Auth(KEYS, "sagemaker", "us-east-1")
    again.headers["X-Amz-Date"], again.headers["X-Amz-Security-Token"] = call.headers["x-amz-date"], "session"
    canonical = auth.canonical_request(again)
    signature = auth.signature(auth.string_to_sign(again, canonical), again)
    return f"AWS4-HMAC-SHA256 Credential={auth.scope(again)}, SignedHeaders={';'.join(names)}, Signature={signature}"


def test_an_embedding_container_of_other_words_is_asked_and_read_in_its_own():
    status, body, (call,), _ = asked(
        answering(200, [[0.5, 1], [2, 3]]), "/v1/embeddings", {"model": "m", "input": ["a", "b"]}, protocol=INVOKED_TEI
    )
    assert call.json == {"inputs": ["a", "b"]}
    assert status == 200
    assert json.loads(body) == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, 1]},
            {"object": "embedding", "index": 1, "embedding": [2, 3]},
        ],
    }


def test_one_text_is_a_list_of_one():
    _, _, (call,), _ = asked(answering(200, [[1]]), "/v1/embeddings", {"input": "a"}, protocol=INVOKED_TEI)
    assert call.json == {"inputs": ["a"]}


def test_tokens_are_refused_before_anything_is_asked():
    with pytest.raises(InvalidInput, match="texts, not tokens") as refused:
        asked(answering(200, []), "/v1/embeddings", {"input": [[1, 2]]}, protocol=INVOKED_TEI)
    assert refused.value.calls == []


@pytest.mark.parametrize("nonsense", [b"{}", b"no json", b"\xff"])
def test_vectors_that_cannot_be_read_are_the_servers_fault(nonsense):
    with pytest.raises(UpstreamFailed, match="cannot be read"):
        asked(answering(200, nonsense), "/v1/embeddings", {"input": "a"}, protocol=INVOKED_TEI)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings"])
@pytest.mark.parametrize(
    "message",
    [
        NO_CAPACITY,
        "Endpoint lm-a of account 123456789012 not found.",
        "Inference Component lm-a of endpoint not found.",
    ],
)
def test_a_model_without_a_copy_was_not_reached(path, message):
    refusal = answering(400, {"message": message}, x_amzn_ErrorType="ValidationError")
    with pytest.raises(UpstreamUnreached) as unreached:
        asked(refusal, path, {"input": "a"})
    assert [upstream.id for upstream in unreached.value.missed] == ["lm-a/0"]
    assert "123456789012" not in str(unreached.value)


def test_what_the_container_refuses_is_told_as_it_said_it():
    said = {"error": {"message": "the model was not found", "type": "BadRequestError"}}
    status, body, _, missed = asked(answering(400, said), "/v1/chat/completions", {})
    assert (status, json.loads(body), missed) == (400, said, [])


def test_an_error_of_the_container_is_taken_out_of_sagemakers():
    said = '{"error": {"message": "too long"}}'
    wrapped = {"Message": "Received client error (400)", "OriginalStatusCode": 400, "OriginalMessage": said}
    status, body, _, _ = asked(answering(424, wrapped), "/v1/embeddings", {"input": "a"})
    assert (status, body.decode()) == (400, said)


def test_too_many_requests_stay_that():
    status, _, _, missed = asked(answering(429, {"message": "Rate exceeded"}), "/v1/embeddings", {"input": "a"})
    assert (status, missed) == (429, [])


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings"])
def test_a_body_over_the_runtimes_limit_is_not_sent(path):
    with pytest.raises(TooLarge) as refused:
        asked(answering(200, {}), path, b"x" * (MAX_BODY_BYTES + 1))
    assert refused.value.calls == []


def test_a_path_that_an_invocation_would_take_for_another_is_not_asked():
    status, _, calls, _ = asked(answering(200, {}), "/tokenize", {"messages": []})
    assert (status, calls) == (404, [])


def test_without_credentials_it_is_said_what_is_missing():
    with pytest.raises(Unavailable, match="no AWS credentials"):
        asked(answering(200, {}), "/v1/embeddings", {"input": "a"}, credentials=None)


def test_an_upstream_elsewhere_is_left_alone():
    _, _, (call,), _ = asked(answering(200, {}), "/v1/embeddings", {"input": "a"}, protocol="openai")
    assert call.path.endswith("/openai/v1/embeddings")


def test_a_stream_that_openais_path_does_not_route_is_unwrapped():
    told = b'data: {"choices":[]}\n\ndata: [DONE]\n\n'

    async def stream(call: Call) -> None:
        body = wrapped(told[:9]) + wrapped(told[9:])
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {WRAPPED}\r\ncontent-length: {len(body)}\r\n\r\n"
        await call.raw(head.encode() + body)

    status, body, (call,), _ = asked(stream, "/v1/completions", {"prompt": "a", "stream": True})
    assert (status, body) == (200, told)
    assert call.path == "/endpoints/lm-a/invocations-response-stream"
    assert call.headers["authorization"] == signature_of(call)
