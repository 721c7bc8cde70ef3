"""`NAME@chat:VDB` as a model's name: what is retrieved goes in, what was cited comes out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from llmanager.kernel.errors import NotFound
from tests.fakes.asgi import Reply
from tests.fakes.augmenter import CITATIONS, FakeAugmenter
from tests.fakes.data_path import FakeKeyring
from tests.fakes.directory import chat_route
from tests.fakes.upstream_server import speak
from tests.unit.gateway.conftest import CHAT, Stage, staged

pytestmark = pytest.mark.anyio

NAME = "m@chat:docs"
MESSAGES = [{"role": "user", "content": "Why?"}]
ASK: dict[str, Any] = {"model": NAME, "messages": MESSAGES}


@asynccontextmanager
async def answering(*scopes: str, **more: Any) -> AsyncIterator[tuple[Stage, FakeAugmenter]]:
    keyring = FakeKeyring(scopes=frozenset(scopes or ("model:query", "chat")))
    async with staged(lambda call: speak(call, "Be", "cause", model="up"), keyring=keyring, **more) as stage:
        stage.gateway.augmenter = augmenter = FakeAugmenter()
        yield stage, augmenter


async def test_a_whole_answer_carries_the_name_as_asked_and_the_citations():
    async with answering() as (stage, augmenter):
        reply = await stage.client.post(CHAT, ASK | {"max_tokens": 9, "temperature": 0})
        (call,) = stage.server.calls
    assert augmenter.calls == [("acme", "m", "docs", MESSAGES, 9)]
    assert call.json == {
        "model": "m",
        "messages": [{"role": "user", "content": "[1] é"}],
        "max_tokens": 9,
        "temperature": 0.0,
    }
    assert (reply.json["model"], reply.json["citations"]) == (NAME, CITATIONS)
    assert reply.json["choices"][0]["message"]["content"] == "Because"
    assert [(record.model, record.status) for record in stage.meter.records] == [("m", 200)]


async def test_a_streams_first_event_carries_the_citations_and_only_that():
    async with answering() as (stage, _):
        reply = await stage.client.post(CHAT, ASK | {"stream": True})
    assert reply.text == "Because"
    first, *rest = reply.events[:-1]
    assert first["citations"] == CITATIONS
    assert not any("citations" in event for event in rest)
    assert {event["model"] for event in reply.events[:-1]} == {NAME}
    assert reply.events[-1] == "[DONE]"


async def test_azures_path_and_the_query_route_take_the_name_too():
    async with answering() as (stage, _):
        azure = await stage.client.post(f"/openai/deployments/{NAME}/chat/completions", {"messages": MESSAGES})
        query = await stage.client.post("/model/query", {"model": NAME, "query": "Why?"})
    assert (azure.status, azure.json["citations"]) == (200, CITATIONS)
    assert (query.json["response"], query.json["model"], query.json["citations"]) == ("Because", NAME, CITATIONS)


async def test_plain_names_are_asked_as_ever():
    async with answering() as (stage, augmenter):
        reply = await stage.client.post(CHAT, ASK | {"model": "m"})
    assert "citations" not in reply.json
    assert augmenter.calls == []


async def test_it_takes_the_scope_of_chats_beside_that_of_the_route():
    async with answering("model:query") as (stage, augmenter):
        reply = await stage.client.post(CHAT, ASK)
    assert (reply.status, augmenter.calls) == (403, [])
    assert "'chat'" in reply.error["message"]


async def test_a_database_that_is_not_there_is_a_404_in_openais_shape():
    async with answering() as (stage, augmenter):
        augmenter.failure = NotFound("There is no vector database 'docs'.")
        reply = await stage.client.post(CHAT, ASK | {"stream": True})
    assert (reply.status, reply.error["type"]) == (404, "not_found_error")
    assert stage.server.calls == []


@pytest.mark.parametrize("model", ["none@chat:docs", "m@chat:", "@chat:docs", "m@other:docs"])
async def test_models_that_are_not_there_are_not_found(model: str):
    async with answering() as (stage, augmenter):
        reply = await stage.client.post(CHAT, ASK | {"model": model})
    assert (reply.status, augmenter.calls) == (404 if not model.startswith("@") else 422, [])


async def test_text_completions_know_no_such_names():
    async with answering() as (stage, _):
        assert (await stage.client.post("/v1/completions", {"model": NAME, "prompt": "Why?"})).status == 404


async def test_where_nobody_retrieves_the_name_is_no_models():
    async with answering() as (stage, _):
        stage.gateway.augmenter = None
        assert (await stage.client.post(CHAT, ASK)).status == 404


async def test_tools_are_refused():
    async with answering() as (stage, _):
        reply = await stage.client.post(CHAT, ASK | {"tools": [{"type": "function", "function": {"name": "f"}}]})
    assert (reply.status, reply.error["param"]) == (422, "tools")


@pytest.mark.parametrize("hold_silent_s", [0, 0.01])
async def test_a_stream_whose_retrieval_takes_long_is_opened_and_kept_alive(hold_silent_s: float):
    reply = Reply()
    async with answering(hold_silent_s=hold_silent_s, heartbeat_s=0.02) as (stage, augmenter):
        augmenter.held.clear()
        asking = asyncio.create_task(stage.client.post(CHAT, ASK | {"stream": True}, reply=reply))
        await reply.until(lambda: len(reply.comments) > 1)
        assert reply.status == 200
        augmenter.failure = NotFound("There is no vector database 'docs'.")
        augmenter.held.set()
        await asking
    assert reply.events[-1]["error"]["type"] == "not_found_error"


async def test_a_client_that_leaves_while_passages_are_retrieved_is_not_answered():
    gone = asyncio.Event()
    async with answering() as (stage, augmenter):
        augmenter.held.clear()
        asking = asyncio.create_task(stage.client.post(CHAT, ASK, gone=gone))
        gone.set()
        async with asyncio.timeout(5):
            reply = await asking
    assert not reply.is_ended
    assert stage.server.calls == []
    assert stage.meter.records[0].outcome == "cancelled"


async def test_a_remote_model_gets_its_own_name_never_the_databases():
    async with answering(route=lambda server: chat_route(server.upstream(served_name="org/big"))) as (stage, _):
        await stage.client.post(CHAT, ASK)
        assert stage.server.calls[0].json["model"] == "org/big"


@pytest.mark.parametrize("is_stream", [False, True])
async def test_the_grammar_that_comes_with_the_passages_goes_to_the_server(is_stream: bool):
    async with answering() as (stage, augmenter):
        augmenter.grammar = 'root ::= "x"'
        await stage.client.post(CHAT, ASK | {"stream": is_stream})
        await stage.client.post("/model/query", {"model": NAME, "query": "Why?", "stream": is_stream})
    assert [call.json["grammar"] for call in stage.server.calls] == ['root ::= "x"'] * 2


async def test_an_answer_held_to_a_grammar_is_the_likeliest_unless_the_client_says_otherwise():
    async with answering() as (stage, augmenter):
        await stage.client.post(CHAT, ASK)
        augmenter.grammar = 'root ::= "x"'
        await stage.client.post(CHAT, ASK)
        await stage.client.post(CHAT, ASK | {"temperature": 0.5})
    assert [call.json.get("temperature") for call in stage.server.calls] == [None, 0, 0.5]


@pytest.mark.parametrize("shape", ["json_object", "json_schema"])
async def test_a_shape_that_the_client_asks_for_comes_first(shape: str):
    async with answering() as (stage, augmenter):
        augmenter.grammar = 'root ::= "x"'
        await stage.client.post(CHAT, ASK | {"response_format": {"type": shape}})
    assert "grammar" not in stage.server.calls[0].json


@pytest.mark.parametrize("told", [{"type": "text"}, {"type": None}, {"type": []}, {}])
async def test_plain_text_is_no_shape_and_stays_held(told: dict[str, Any]):
    async with answering() as (stage, augmenter):
        augmenter.grammar = 'root ::= "x"'
        await stage.client.post(CHAT, ASK | {"response_format": told})
    assert stage.server.calls[0].json["grammar"] == 'root ::= "x"'


async def test_a_clients_own_grammar_is_no_member_that_is_passed_on():
    async with answering() as (stage, _):
        await stage.client.post(CHAT, ASK | {"grammar": "root ::= [a]"})
        await stage.client.post(CHAT, ASK | {"model": "m", "grammar": "root ::= [a]"})
    assert [call.json.get("grammar") for call in stage.server.calls] == [None, None]
