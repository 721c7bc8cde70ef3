import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from llmanager.api.app import control_plane
from llmanager.api.idempotency import Idempotency
from llmanager.api.routes.chat import chat_routes
from llmanager.chat.entities import MAX_TURNS, Turn
from llmanager.chat.usecases.assistant import Assistant
from llmanager.gateway import head
from llmanager.gateway.policy import Limits
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.errors import InvalidInput, UpstreamFailed
from llmanager.wire import chat as wire
from tests.fakes.asgi import Client, Reply
from tests.fakes.chat import fake_assistant, passage
from tests.fakes.data_path import FakeKeyring
from tests.fakes.table import FakeTable

pytestmark = pytest.mark.anyio

JSON = {"content-type": "application/json"}
ASK: dict[str, Any] = {"model": "m", "query": "Why?"}
DOCS = ASK | {"vdb": "docs", "k": 1}
CITED = {"id": "p1", "text": "Fact 1.", "score": 1.0, "source": "a.txt", "span": None}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Caller(Client):
    async def chat(self, body: Any, **more: Any) -> Reply:
        headers = JSON | more.pop("headers", {})
        return await self.post("/chat", body, headers=headers, **more)


@asynccontextmanager
async def served(*pieces: str, scopes: tuple[str, ...] = ("chat",), **limits: Any) -> AsyncIterator[tuple[Caller, Any]]:
    assistant: Assistant = fake_assistant(*pieces)
    keyring = FakeKeyring(scopes=frozenset(scopes))
    clock = SystemClock()
    routes = chat_routes(assistant=assistant, keyring=keyring, limits=Limits(**limits), clock=clock)
    app = control_plane([routes], lambda: None, "1")
    app.add_middleware(Idempotency, table=FakeTable(clock), keyring=keyring, clock=clock)
    made: Any = assistant
    made.retriever.vdbs["acme", "docs"] = (passage(1, source="a.txt"), passage(2))
    made.history.chats["acme", "c"] = [Turn("Who?", "You.")]
    yield Caller(app), made


async def test_one_call_retrieves_remembers_asks_and_appends():
    async with served() as (caller, made):
        reply = await caller.chat(
            DOCS | {"chat_id": "c", "system": "Be brief.", "parameters": {"temperature": 0, "stop": ["x"]}}
        )
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    tokens = made.models.tokens(made.models.prompts[0])
    assert reply.json == {
        "response": "Hello",
        "chat_id": "c",
        "citations": [CITED],
        "usage": {"prompt_tokens": tokens, "completion_tokens": 2, "total_tokens": tokens + 2},
        "finish_reason": "stop",
    }
    wire.Answer.model_validate(reply.json)
    assert [m.content for m in made.models.prompts[0]][1:3] == ["Who?", "You."]
    assert made.models.prompts[0][0].content.endswith("\n\nBe brief.")
    assert made.models.parameters == [{"temperature": 0, "stop": ["x"]}]
    assert made.history.chats["acme", "c"][-1] == Turn("Why?", "Hello")


async def test_without_a_chat_one_begins():
    async with served() as (caller, made):
        reply = await caller.chat(ASK | {"title": "T", "ttl_s": 60})
    assert (reply.json["chat_id"], reply.json["citations"]) == ("chat1", [])
    assert made.history.titles == {"chat1": ("T", 60)}


async def test_the_search_is_told_what_was_asked_for():
    async with served() as (caller, made):
        await caller.chat(DOCS | {"k": 2, "filter": {"lang": "en"}, "mode": "text"})
        await caller.chat(ASK | {"vdb": "docs"})
    first, second = (search for search, _ in made.retriever.searches)
    assert (first.k, first.where, first.mode) == (2, {"lang": "en"}, "text")
    assert (second.k, second.where, second.mode) == (5, None, None)


async def test_a_stream_is_citations_deltas_and_the_whole():
    async with served("Grüß", " dich") as (caller, _):
        reply = await caller.chat(DOCS | {"chat_id": "c", "stream": True})
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    first, *deltas, last = reply.events
    assert first == {"citations": [CITED], "chat_id": "c"}
    assert deltas == [{"delta": "Grüß"}, {"delta": " dich"}]
    assert (last["response"], last["chat_id"], last["finish_reason"]) == ("Grüß dich", "c", "stop")
    assert last["usage"]["completion_tokens"] == 2
    assert all(part.endswith(b"\n\n") for part in reply.parts)


@pytest.mark.parametrize("key", [{}, {"idempotency-key": "k1"}])
async def test_a_stream_comes_piece_by_piece_with_an_idempotency_key_too(key: dict[str, str]):
    async with served("a", "b") as (caller, made):
        made.models.held.clear()
        reply = Reply()
        asking = asyncio.create_task(caller.chat(ASK | {"stream": True}, headers=key, reply=reply))
        await reply.until(lambda: {"delta": "a"} in reply.events)
        assert not reply.is_ended
        made.models.held.set()
        await asking
        assert reply.events[-1]["response"] == "ab"
        if key:
            again = await caller.chat(ASK | {"stream": True}, headers=key)
            assert (again.status, again.error["code"]) == (409, "idempotency_not_replayed")
            assert len(made.models.prompts) == 1


async def test_a_whole_answer_is_replayed_by_its_key_and_nothing_is_appended_twice():
    async with served() as (caller, made):
        first, again = [await caller.chat(ASK | {"chat_id": "c"}, headers={"idempotency-key": "k"}) for _ in range(2)]
    assert first.json == again.json
    assert again.headers["idempotent-replayed"] == "true"
    assert len(made.history.chats["acme", "c"]) == 2


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("change", [{"model": "none"}, {"vdb": "none"}, {"chat_id": "none"}])
async def test_what_is_not_there_or_anothers_is_a_404(change: dict[str, str], is_stream: bool):
    async with served() as (caller, _):
        absent = await caller.chat(DOCS | {"stream": is_stream} | change)
        caller.authorization = "Bearer rival"
        foreign = await caller.chat(DOCS | {"stream": is_stream, "chat_id": "c"})
    assert absent.status == foreign.status == 404
    assert absent.error["type"] == foreign.error["type"] == "not_found_error"


async def test_a_failure_within_a_stream_is_its_last_event_and_nothing_is_appended():
    async with served("a", "b") as (caller, made):
        made.models.failure = UpstreamFailed("It broke.")
        reply = await caller.chat(ASK | {"chat_id": "c", "stream": True})
    assert reply.status == 200
    assert reply.events[1:] == [
        {"delta": "a"},
        {"error": {"message": "It broke.", "type": "upstream_error", "code": "upstream_failed", "param": None}},
    ]
    assert len(made.history.chats["acme", "c"]) == 1


async def test_a_failure_before_a_stream_has_its_status():
    async with served() as (caller, made):
        made.models.context = 4
        reply = await caller.chat(ASK | {"query": "why " * 99, "stream": True})
    assert (reply.status, reply.error["code"], reply.error["param"]) == (422, "context_length_exceeded", "query")


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_client_that_leaves_ends_the_work_and_nothing_is_appended(is_stream: bool):
    gone = asyncio.Event()
    async with served() as (caller, made):
        if is_stream:
            made.models.held.clear()
        else:
            made.retriever.on_search.clear()
        reply = Reply()
        asking = asyncio.create_task(caller.chat(DOCS | {"chat_id": "c", "stream": is_stream}, gone=gone, reply=reply))
        async with asyncio.timeout(5):
            if is_stream:
                await reply.until(lambda: len(reply.parts) == 2)
            gone.set()
            await asking
    assert not reply.is_ended
    assert made.models.is_closed is is_stream
    assert len(made.history.chats["acme", "c"]) == 1


async def test_a_stream_that_waits_is_opened_and_hears_heartbeats():
    async with served(hold_silent_s=0.01, heartbeat_s=0.02) as (caller, made):
        made.retriever.on_search.clear()
        reply = Reply()
        asking = asyncio.create_task(caller.chat(DOCS | {"stream": True}, reply=reply))
        await reply.until(lambda: len(reply.comments) > 2)
        made.retriever.on_search.set()
        await asking
    assert reply.events[-1]["response"] == "Hello"


async def test_it_takes_the_scope_chat_and_no_other():
    async with served(scopes=("model:query", "vdb:query", "history:write")) as (caller, made):
        reply = await caller.chat(ASK)
    assert (reply.status, made.models.prompts) == (403, [])
    async with served() as (caller, _):
        caller.authorization = None
        assert (await caller.chat(ASK)).status == 401


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"query": ""}, "query"),
        ({"query": "x" * (wire.MAX_TEXT_CHARS + 1)}, "query"),
        ({"system": "x" * (wire.MAX_TEXT_CHARS + 1)}, "system"),
        ({"query": 3}, "query"),
        ({"model": ""}, "model"),
        ({"vdb": "d", "k": 0}, "k"),
        ({"vdb": "d", "k": wire.MAX_K + 1}, "k"),
        ({"vdb": "d", "mode": "magic"}, "mode"),
        ({"vdb": "d", "filter": []}, "filter"),
        ({"k": 3}, None),
        ({"chat_id": "c", "title": "T"}, None),
        ({"unknown": 1}, "unknown"),
        ({"parameters": {"tools": []}}, "parameters.tools"),
        ({"parameters": {"n": 2}}, "parameters.n"),
        ({"parameters": {"temperature": "hot"}}, "parameters.temperature"),
    ],
)
async def test_what_is_wrong_is_refused_by_name(change: dict[str, Any], param: str | None):
    async with served() as (caller, made):
        reply = await caller.chat(ASK | change)
    assert (reply.status, reply.error["param"], made.models.prompts) == (422, param, [])


BOUNDS = [
    *[("max_tokens", value) for value in (0, 1, 2**31 - 1, 2**31, 1.5, "1", True)],
    *[("temperature", value) for value in (-0.1, 0, 2, 2.1, "1", True, None)],
    *[("top_p", value) for value in (-0.1, 0, 1, 1.1)],
    *[("presence_penalty", value) for value in (-2.1, -2, 2, 2.1)],
    *[("frequency_penalty", value) for value in (-2.1, -2, 2, 2.1)],
    *[("seed", value) for value in (-(2**63) - 1, -(2**63), 2**63 - 1, 2**63, 0.5)],
    *[("stop", value) for value in ("x", "x" * 512, "x" * 513, ["x"] * 16, ["x"] * 17, [3], 3)],
    *[("response_format", value) for value in ({"type": "json_object"}, "json")],
    *[("reasoning_effort", value) for value in ("low", 3)],
]


@pytest.mark.parametrize(("name", "value"), BOUNDS, ids=lambda value: str(value)[:20])
async def test_parameters_have_the_bounds_that_they_have_at_model_query(name: str, value: Any):
    body = {"model": "m", "query": "Hi", "parameters": {name: value}}
    try:
        head.query(json.dumps(body).encode())
    except InvalidInput:
        status = 422
    else:
        status = 200
    async with served() as (caller, _):
        assert (await caller.chat(body)).status == status


async def test_of_a_long_chat_only_the_newest_turns_are_looked_at():
    async with served() as (caller, made):
        made.models.context = 1_000_000
        made.history.chats["acme", "c"] = [Turn(f"q{n}", f"a{n}") for n in range(MAX_TURNS + 9)]
        await caller.chat(ASK | {"chat_id": "c"})
    assert made.models.prompts[0][0].content == "q9"
