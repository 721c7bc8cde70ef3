"""What chat is given of the other capabilities, and what the gateway is given of chat."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar

import pytest

from llmanager.api.errors import render
from llmanager.chat.entities import Budget, Completion, Message, Traits, Turn, Usage
from llmanager.gateway.errors import ModelNotFound
from llmanager.gateway.inner import InnerCalls
from llmanager.gateway.ports import Reading
from llmanager.gateway.tokens import TokenCounter
from llmanager.history.entities import NewMessage
from llmanager.history.errors import ChatNotFound
from llmanager.history.usecases.new import new_chat
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.errors import InvalidInput, NotFound, UpstreamFailed
from llmanager.kernel.principal import Principal
from llmanager.wiring.serving.chat import ChatAugmenter, TableHistory
from llmanager.wiring.serving.chat_models import GatewayModels
from tests.fakes.chat import fake_assistant, passage
from tests.fakes.clock import FakeClock
from tests.fakes.directory import chat_route
from tests.fakes.table import FakeTable
from tests.fakes.upstream_server import Call, Script, begin, chunk, encoded, speak
from tests.unit.gateway.conftest import Stage, staged

pytestmark = pytest.mark.anyio

T = TypeVar("T")
ADA = Principal("acme", "key", frozenset())
EVE = Principal("rival", "key", frozenset())


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def run_blocking(work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work)


# Kept chats.


@pytest.fixture
def table() -> FakeTable:
    return FakeTable(FakeClock())


@pytest.fixture
def history(table: FakeTable) -> TableHistory:
    numbers = itertools.count()
    return TableHistory(table, FakeClock(), lambda: f"{next(numbers):016}", run_blocking)


async def test_turns_are_kept_in_a_new_chat_and_then_in_it(history: TableHistory):
    chat_id = await history.append(ADA, None, Turn("q1", "a1"), title="T", ttl_s=60)
    assert await history.append(ADA, chat_id, Turn("q2", "a2")) == chat_id
    assert await history.tail(ADA, chat_id, 9) == (Turn("q1", "a1"), Turn("q2", "a2"))
    assert await history.tail(ADA, chat_id, 1) == (Turn("q2", "a2"),)


async def test_half_a_turn_is_not_shown_to_a_model(history: TableHistory, table: FakeTable):
    said = [("assistant", "Hello."), ("user", "q1"), ("assistant", "a1"), ("user", "unanswered")]
    messages = [NewMessage(role, text) for role, text in said]
    chat = new_chat(table, tenant="acme", messages=messages, now=FakeClock().now(), new_id=lambda: "x" * 16)
    assert await history.tail(ADA, chat.id, 9) == (Turn("q1", "a1"),)


async def test_anothers_chat_is_no_chat(history: TableHistory):
    chat_id = await history.append(ADA, None, Turn("q1", "a1"))
    with pytest.raises(ChatNotFound):
        await history.tail(EVE, chat_id, 9)
    with pytest.raises(ChatNotFound):
        await history.append(EVE, chat_id, Turn("q", "a"))


# Models.

PROMPT = [Message("system", "Be brief."), Message("user", "Grüß dich")]


@asynccontextmanager
async def models(script: Script, **more: Any) -> AsyncIterator[tuple[Stage, GatewayModels]]:
    async with staged(script, **more) as stage:
        inner = InnerCalls(stage.gateway, render, SystemClock())
        counter = TokenCounter(stage.directory, stage.gateway.relay, render, SystemClock())
        yield stage, GatewayModels(inner, counter, stage.directory)


async def test_a_whole_completion_is_asked_for_with_the_parameters():
    async with models(lambda call: speak(call, "Hel", "lo")) as (stage, given):
        said = await given.whole(ADA, "m", PROMPT, {"temperature": 0.5, "stop": ["x"]})
        (call,) = stage.server.calls
    assert said == Completion("Hello", "stop", Usage(3, 2))
    assert call.json["messages"] == [{"role": m.role, "content": m.content} for m in PROMPT]
    assert (call.json["temperature"], call.json["stop"]) == (0.5, ["x"])


async def test_a_grammar_goes_with_the_question_whole_and_streamed():
    async with models(lambda call: speak(call, "Hi")) as (stage, given):
        await given.whole(ADA, "m", PROMPT, {}, 'root ::= "Hi"')
        _ = [piece async for piece in given.stream(ADA, "m", PROMPT, {}, 'root ::= "Hi"')]
    assert [call.json["grammar"] for call in stage.server.calls] == ['root ::= "Hi"'] * 2


async def test_a_streamed_completion_comes_in_pieces_and_then_whole():
    async with models(lambda call: speak(call, "Grüß", " dich")) as (_, given):
        *pieces, said = [piece async for piece in given.stream(ADA, "m", PROMPT, {})]
    assert "".join(pieces) == "Grüß dich"
    assert said == Completion("Grüß dich", "stop", Usage(3, 2))


async def test_a_stream_that_breaks_has_no_whole():
    async def breaks(call: Call) -> None:
        await begin(call, encoded(chunk("Hello")))
        await call.break_off()

    async with models(breaks) as (_, given), aclosing(given.stream(ADA, "m", PROMPT, {})) as pieces:
        assert await anext(pieces) == "Hello"
        with pytest.raises(UpstreamFailed):
            await anext(pieces)


async def test_an_answer_without_a_choice_is_nonsense():
    async with models(lambda call: call.answer(200, {"choices": []})) as (_, given):
        with pytest.raises(UpstreamFailed):
            await given.whole(ADA, "m", PROMPT, {})


async def test_the_context_is_the_directorys_and_the_count_the_servers():
    async with models(
        lambda call: call.answer(200, {"input_tokens": 45}),
        route=lambda server: chat_route(
            server.upstream(), context_tokens=512, reading=Reading("sentences", 160, 3, quotes_only=True)
        ),
    ) as (stage, given):
        assert given.traits(ADA, "m") == Traits(512, "sentences", Budget(160, 3), quotes_only=True)
        assert await given.count(ADA, "m", PROMPT) == 45
        assert stage.server.calls[0].json["messages"][1] == {"role": "user", "content": "Grüß dich"}
        with pytest.raises(ModelNotFound):
            given.traits(EVE, "m")


# `NAME@chat:VDB`.


def user(content: Any) -> bytes:
    return json.dumps({"role": "user", "content": content}).encode()


async def augmented(*messages: bytes, vdb: str = "docs", **more: Any) -> tuple[list[Any], Any]:
    assistant = fake_assistant(**more)
    assistant.retriever.vdbs["acme", "docs"] = (passage(1, source="a.txt"), passage(2))
    told = await ChatAugmenter(assistant).augment(ADA, model="m", vdb=vdb, messages=messages, max_tokens=None)
    return [json.loads(message) for message in told.messages], json.loads(told.citations)


async def test_the_clients_messages_stand_for_a_kept_chat():
    messages, citations = await augmented(
        b'{"role":"system","content":"Be brief."}',
        user("q1"),
        b'{"role":"assistant","content":"a1","refusal":null}',
        user([{"type": "text", "text": "Wh"}, {"type": "text", "text": "y?"}]),
    )
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[0]["content"].endswith("\n\nBe brief.")
    assert messages[3]["content"] == "[1] Fact 1.\n[2] Fact 2.\n\nQuestion: Why?"
    assert citations == [
        {"id": "p1", "text": "Fact 1.", "score": 1.0, "source": "a.txt", "span": None},
        {"id": "p2", "text": "Fact 2.", "score": 0.5, "source": "", "span": None},
    ]


async def test_a_model_by_name_gets_sentences_and_a_grammar_as_its_catalog_says():
    assistant = fake_assistant()
    assistant.models.given = Traits(context="sentences", quotes_only=True)
    assistant.retriever.vdbs["acme", "docs"] = (passage(1, "It opens at 9. It closes at 5."),)
    messages = [user("When does the library open?"), b'{"role":"assistant","content":"At 9."}', user("And close?")]
    told = await ChatAugmenter(assistant).augment(ADA, model="m", vdb="docs", messages=messages, max_tokens=None)
    first, *_ = json.loads(told.citations)
    assert (first["id"], first["text"], first["span"]) == ("p1", "It closes at 5.", [15, 30])
    assert told.grammar.startswith('root ::= "I don\'t know." | "According to [1]: \\"It closes at 5.')
    assert assistant.retriever.searches[0][1] == "When does the library open?\nAnd close?"


async def test_the_budget_holds_for_the_clients_messages_too():
    long = user("word " * 60), b'{"role":"assistant","content":"Yes."}'
    messages, _ = await augmented(*long * 9, user("Why?"), context=200)
    assert len(messages) < 9


@pytest.mark.parametrize(
    "message",
    [
        user([{"type": "image_url", "image_url": {"url": "data:"}}]),
        user(3),
        b'{"content":"x"}',
        b'{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}',
        b'{"role":"tool","content":"x","tool_call_id":"1"}',
    ],
)
async def test_messages_that_are_no_text_are_refused(message: bytes):
    with pytest.raises(InvalidInput) as refused:
        await augmented(message, user("Why?"))
    assert refused.value.param == "messages"


async def test_a_database_that_is_not_there_is_not_found():
    with pytest.raises(NotFound):
        await augmented(user("Why?"), vdb="none")
