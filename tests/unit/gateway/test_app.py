"""The surface: who may call what, and what is answered before any model is asked."""

import asyncio
import base64
import json
import struct
from typing import Any

import pytest

from llmanager.gateway.surface import ENTRIES
from tests.fakes.asgi import Client
from tests.fakes.data_path import FakeKeyring
from tests.fakes.directory import chat_route
from tests.fakes.upstream_server import Call, speak
from tests.unit.gateway.conftest import staged

pytestmark = pytest.mark.anyio

MESSAGES = [{"role": "user", "content": "Hi"}]
BODIES: dict[str, Any] = {
    "/v1/chat/completions": {"model": "m", "messages": MESSAGES},
    "/v1/completions": {"model": "m", "prompt": "Hi"},
    "/v1/embeddings": {"model": "m", "input": "Hi"},
    "/model/query": {"model": "m", "query": "Hi"},
    "/models/query": {"model": "m", "query": "Hi"},
    "/openai/deployments/{id}/chat/completions": {"messages": MESSAGES},
}


async def greet(call: Call) -> None:
    await speak(call, "Hel", "lo")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.path)
@pytest.mark.parametrize("authorization", [None, "", "Bearer nobody", "Basic acme", "Bearer ' OR 1=1 --"])
async def test_without_a_key_every_route_is_a_401_and_nothing_else_happens(entry: Any, authorization: str | None):
    async with staged(greet) as stage:
        client = Client(stage.gateway, authorization=authorization)
        reply = await client.call(entry.method, entry.path.replace("{id}", "m"), b"{")
        assert (reply.status, reply.error["type"]) == (401, "authentication_error")
        assert (stage.directory.finds, stage.meter.records, stage.server.calls) == (0, [], [])


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.path)
async def test_a_key_without_the_routes_scope_is_a_403(entry: Any):
    keyring = FakeKeyring(scopes=frozenset({"model:read", "model:query", "admin"}) - {entry.scope})
    async with staged(greet, keyring=keyring) as stage:
        reply = await stage.client.call(entry.method, entry.path.replace("{id}", "m"), b"{")
        assert (reply.status, stage.directory.finds) == (403, 0)
        assert entry.scope in reply.error["message"]


@pytest.mark.parametrize("path", BODIES)
async def test_another_tenants_model_reads_byte_for_byte_as_absent(path: str):
    async with staged(greet) as stage:
        foreign = await Client(stage.gateway, authorization="Bearer rival").post(
            path.replace("{id}", "m"), BODIES[path]
        )
        stage.directory.remove()
        absent = await stage.client.post(path.replace("{id}", "m"), BODIES[path])
    assert foreign.status == absent.status == 404
    assert foreign.error["code"] == "model_not_found", "OpenAI's: clients go by it"
    assert foreign.body == absent.body
    assert foreign.headers == absent.headers
    assert [record.model for record in stage.meter.records] == ["", ""], "made-up names are no labels"


async def test_models_are_listed_per_tenant():
    async with staged(greet) as stage:
        stage.directory.put(chat_route(name="other", tenant="rival"))
        reply = await stage.client.get("/v1/models")
        one = await stage.client.get("/v1/models/m")
        missing, foreign = [await stage.client.get(f"/v1/models/{name}") for name in ("none", "other")]
    model = {"id": "m", "object": "model", "created": 1_700_000_000, "owned_by": "llmanager"}
    assert reply.json == {"object": "list", "data": [model]}
    assert one.json == model
    assert missing.status == foreign.status == 404
    assert missing.body.replace(b"none", b"other") == foreign.body


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/responses", 501),
        ("POST", "/v1/images/generations", 501),
        ("GET", "/v1/files", 404),
        ("GET", "/v1", 404),
        ("GET", "/v1/models/a/b", 404),
        ("POST", "/openai/other", 404),
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/models/m", 405),
        ("GET", "/model/query", 405),
    ],
)
async def test_what_is_not_there_says_so_in_openais_shape(method: str, path: str, status: int):
    async with staged(greet) as stage:
        assert stage.gateway.handles({"type": "http", "path": path})
        reply = await stage.client.call(method, path)
    assert reply.status == status
    assert set(reply.error) == {"message", "type", "code", "param"}
    assert ("allow" in reply.headers) == (status == 405)
    types = {404: "not_found_error", 405: "invalid_request_error", 501: "not_supported_error"}
    assert reply.error["type"] == types[status]


async def test_other_paths_and_protocols_are_not_handled():
    async with staged(greet) as stage:
        for scope in (
            {"type": "http", "path": "/model/create"},
            {"type": "http", "path": "/v10"},
            {"type": "lifespan"},
        ):
            assert not stage.gateway.handles(scope)


async def test_a_missing_model_name_is_asked_for():
    async with staged(greet) as stage:
        reply = await stage.client.post("/v1/chat/completions", {"messages": MESSAGES})
    assert (reply.status, reply.error["param"]) == (422, "model")


@pytest.mark.parametrize(
    ("path", "kind", "right"),
    [
        ("/v1/chat/completions", "embedding", "/v1/embeddings"),
        ("/v1/completions", "embedding", "/v1/embeddings"),
        ("/model/query", "embedding", "/v1/embeddings"),
        ("/v1/embeddings", "chat", "/v1/chat/completions"),
    ],
)
async def test_the_wrong_kind_of_model_is_told_the_right_route(path: str, kind: str, right: str):
    async with staged(greet, route=lambda server: chat_route(server.upstream(), kind=kind)) as stage:
        reply = await stage.client.post(path, BODIES[path])
    assert (reply.status, reply.error["param"]) == (422, "model")
    assert right in reply.error["message"]


# Bodies.


@pytest.mark.parametrize(("path", "max_bytes"), [("/v1/chat/completions", 300), ("/v1/embeddings", 500)])
@pytest.mark.parametrize("pieces", [1, 5])
@pytest.mark.parametrize("is_announced", [True, False])
async def test_a_body_beyond_its_routes_limit_is_a_413(path: str, max_bytes: int, pieces: int, is_announced: bool):
    async with staged(greet, max_chat_body_bytes=300, max_body_bytes=500) as stage:
        for size, status in ((max_bytes + 1, 413), (max_bytes, 422)):
            headers = {"content-length": str(size)} if is_announced else {}
            reply = await stage.client.post(path, b" " * size, pieces=pieces, headers=headers)
            assert reply.status == status


async def test_a_body_that_does_not_come_is_not_waited_for():
    async with staged(greet, body_s=0.02) as stage:
        sent: list[Any] = []

        async def never() -> Any:
            await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"authorization", b"Bearer acme")]
        scope = {"type": "http", "method": "POST", "path": "/model/query", "headers": headers}
        await stage.gateway(scope, never, send)
    assert sent[0]["status"] == 422
    assert "did not arrive" in json.loads(sent[1]["body"])["error"]["message"]


async def test_every_outcome_is_metered():
    async with staged(greet) as stage:
        await stage.client.post("/v1/chat/completions", b"{")
        await stage.client.post("/v1/chat/completions", BODIES["/v1/chat/completions"])
    assert [(record.status, record.outcome) for record in stage.meter.records] == [(422, "error"), (200, "ok")]


# Each route.


async def test_a_query_answers_with_the_text():
    async with staged(greet) as stage:
        reply = await stage.client.post("/model/query", {"name": "m", "query": "Hi", "parameters": {"max_tokens": 9}})
        (call,) = stage.server.calls
    assert reply.json["response"] == "Hello"
    assert (reply.json["model"], reply.json["usage"]["total_tokens"]) == ("m", 5)
    assert call.path == "/v1/chat/completions"
    assert (call.json["messages"], call.json["max_tokens"]) == (MESSAGES, 9)


async def test_a_streamed_query_is_a_chat_stream():
    async with staged(greet) as stage:
        reply = await stage.client.post("/model/query", {"model": "m", "query": "Hi", "stream": True})
    assert reply.text == "Hello"
    assert reply.events[-1] == "[DONE]"


async def test_azures_path_names_the_model_and_its_header_the_key():
    path = "/openai/deployments/m/chat/completions"
    async with staged(greet) as stage:
        anonymous = Client(stage.gateway, authorization=None)
        reply = await anonymous.post(path, {"messages": MESSAGES}, headers={"api-key": "acme"})
        assert (reply.status, reply.json["model"]) == (200, "m")
        elsewhere = await anonymous.post("/v1/chat/completions", BODIES["/model/query"], headers={"api-key": "acme"})
        assert elsewhere.status == 401


async def test_tokens_are_capped_by_the_models_context():
    async with staged(greet, route=lambda server: chat_route(server.upstream(), context_tokens=512)) as stage:
        await stage.client.post("/v1/completions", {"model": "m", "prompt": "Hi", "max_tokens": 48_000})
        (call,) = stage.server.calls
    assert (call.path, call.json["max_tokens"]) == ("/v1/completions", 512)


async def embed(call: Call) -> None:
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    data = [{"index": 0, "object": "embedding", "embedding": [0.5, 2.0]}]
    await call.answer(200, {"object": "list", "data": data, "model": "up", "usage": usage})


def embedder(server: Any) -> Any:
    return chat_route(server.upstream(), kind="embedding", dimensions=2)


async def test_embeddings_come_as_numbers_or_base64():
    async with staged(embed, route=embedder) as stage:
        plain = await stage.client.post("/v1/embeddings", BODIES["/v1/embeddings"] | {"dimensions": 2})
        packed = await stage.client.post("/v1/embeddings", BODIES["/v1/embeddings"] | {"encoding_format": "base64"})
        assert [call.json for call in stage.server.calls] == [{"input": "Hi", "model": "m"}] * 2
    assert plain.json["data"][0]["embedding"] == [0.5, 2.0]
    assert struct.unpack("<2f", base64.b64decode(packed.json["data"][0]["embedding"])) == (0.5, 2.0)
    assert plain.json["model"] == packed.json["model"] == "m"


async def test_other_dimensions_than_the_models_are_refused():
    async with staged(embed, route=embedder) as stage:
        reply = await stage.client.post("/v1/embeddings", BODIES["/v1/embeddings"] | {"dimensions": 3})
    assert (reply.status, reply.error["param"]) == (422, "dimensions")
    assert "has 2 dimensions" in reply.error["message"]
