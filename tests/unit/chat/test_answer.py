"""One question from end to end, at the use cases."""

import asyncio
from dataclasses import replace

import pytest

from llmanager.chat.entities import Answer, Ask, Cited, Question, Search, Turn
from llmanager.chat.errors import QuestionTooLong
from llmanager.chat.usecases.answer import answer, stream_answer
from llmanager.kernel.errors import NotFound, UpstreamFailed
from llmanager.kernel.principal import Principal
from tests.fakes.chat import fake_assistant, passage

pytestmark = pytest.mark.anyio

ADA = Principal("acme", "key", frozenset({"chat"}))
EVE = Principal("rival", "key", frozenset({"chat"}))
ASK = Ask(Question("m", "Why?"))
ASK_DOCS = Ask(Question("m", "Why?", search=Search("docs", k=2)))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def assistant(*pieces: str, **more):
    made = fake_assistant(*pieces, **more)
    made.retriever.vdbs["acme", "docs"] = tuple(passage(n) for n in range(1, 4))
    made.history.chats["acme", "c"] = [Turn("Who?", "You.")]
    return made


async def streamed(made, caller: Principal, ask: Ask) -> list[Cited | str | Answer]:
    return [event async for event in stream_answer(made, caller, ask)]


async def test_a_question_is_answered_from_the_databases_passages_and_kept():
    made = assistant()
    told = await answer(made, ADA, replace(ASK_DOCS, title="T", ttl_s=9, parameters={"seed": 1}))
    assert (told.response, told.chat_id, told.finish_reason) == ("Hello", "chat1", "stop")
    assert told.citations == (passage(1), passage(2))
    (prompt,) = made.models.prompts
    assert prompt[-1].content == "[1] Fact 1.\n[2] Fact 2.\n\nQuestion: Why?"
    assert told.usage is not None
    assert told.usage.prompt_tokens == made.models.tokens(prompt)
    assert made.history.chats["acme", "chat1"] == [Turn("Why?", "Hello")], "plain texts, not the prompt"
    assert made.history.titles["chat1"] == ("T", 9)
    assert made.models.parameters == [{"seed": 1}]
    assert made.models.counts == 1


async def test_a_kept_chat_goes_on():
    made = assistant()
    assert (await answer(made, ADA, replace(ASK, chat_id="c"))).chat_id == "c"
    assert [m.content for m in made.models.prompts[0]] == ["Who?", "You.", "Why?"]
    assert made.history.chats["acme", "c"] == [Turn("Who?", "You."), Turn("Why?", "Hello")]


async def test_passages_and_turns_are_fetched_side_by_side():
    made = assistant()
    made.retriever.on_search.clear()
    asking = asyncio.create_task(answer(made, ADA, replace(ASK_DOCS, chat_id="c")))
    async with asyncio.timeout(5):
        await made.history.reading.wait()
        made.retriever.on_search.set()
        await asking


@pytest.mark.parametrize("missing", ["model", "vdb", "chat"])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_what_is_not_there_or_anothers_is_not_found_and_nothing_is_kept(missing: str, is_stream: bool):
    made, ask = assistant(), ASK_DOCS
    if missing == "model":
        ask = replace(ask, question=replace(ask.question, model="none"))
    if missing == "vdb":
        ask = replace(ask, question=replace(ask.question, search=Search("none")))
    if missing == "chat":
        ask = replace(ask, chat_id="none")
    kept = {key: list(turns) for key, turns in made.history.chats.items()}
    with pytest.raises(NotFound):
        await (streamed if is_stream else answer)(made, ADA, ask)
    with pytest.raises(NotFound):
        await (streamed if is_stream else answer)(made, EVE, replace(ASK_DOCS, chat_id="c"))
    assert (made.history.chats, made.models.prompts) == (kept, [])


async def test_a_stream_is_citations_then_pieces_then_the_whole_once_it_is_kept():
    made = assistant("a", "b")
    events = stream_answer(made, ADA, replace(ASK_DOCS, chat_id="c"))
    assert await anext(events) == Cited((passage(1), passage(2)), "c")
    assert [await anext(events), await anext(events)] == ["a", "b"]
    assert len(made.history.chats["acme", "c"]) == 1
    told = await anext(events)
    assert isinstance(told, Answer)
    assert (told.response, told.citations) == ("ab", (passage(1), passage(2)))
    assert made.history.chats["acme", "c"][1:] == [Turn("Why?", "ab")]
    assert [event async for event in events] == []


async def test_a_new_chats_id_comes_with_the_whole():
    first, *_, last = await streamed(assistant(), ADA, ASK)
    assert first == Cited((), None)
    assert isinstance(last, Answer)
    assert last.chat_id == "chat1"


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_model_that_fails_leaves_nothing_behind(is_stream: bool):
    made = assistant()
    made.models.failure = UpstreamFailed("It broke.")
    with pytest.raises(UpstreamFailed):
        await (streamed if is_stream else answer)(made, ADA, replace(ASK, chat_id="c"))
    assert made.history.chats["acme", "c"] == [Turn("Who?", "You.")]


async def test_a_caller_who_leaves_a_stream_ends_it_at_the_model_and_nothing_is_kept():
    made = assistant("a", "b")
    made.models.held.clear()
    events = stream_answer(made, ADA, replace(ASK, chat_id="c"))
    assert [await anext(events), await anext(events)] == [Cited((), "c"), "a"]
    await events.aclose()
    assert made.models.is_closed
    assert made.history.chats["acme", "c"] == [Turn("Who?", "You.")]


async def test_a_chat_that_is_deleted_meanwhile_is_an_error_not_a_new_chat():
    made = assistant()
    made.history.during_append = made.history.chats.clear
    with pytest.raises(NotFound):
        await answer(made, ADA, replace(ASK, chat_id="c"))
    assert made.history.chats == {}


async def test_passages_without_text_are_no_passages():
    made = assistant()
    made.retriever.vdbs["acme", "docs"] = (passage(1, " \n"), passage(2))
    assert (await answer(made, ADA, ASK_DOCS)).citations == (passage(2),)


async def test_what_does_not_fit_is_left_out_of_prompt_and_citations_alike():
    made = assistant(context=200)
    made.retriever.vdbs["acme", "docs"] = tuple(passage(n, f"{n} " * 60) for n in range(1, 5))
    made.history.chats["acme", "c"] = [Turn(f"q{n} " * 20, f"a{n} " * 20) for n in range(5)]
    told = await answer(made, ADA, replace(ASK_DOCS, chat_id="c"))
    assert told.citations == (passage(1, "1 " * 60),)
    assert "[2]" not in made.models.prompts[0][-1].content
    assert made.models.tokens(made.models.prompts[0]) <= 150


@pytest.mark.parametrize("per_word", [1, 7, None])
async def test_a_question_that_cannot_fit_is_refused_with_how_much_too_long_it_is(per_word: int | None):
    made = assistant(context=200, per_word=per_word)
    ask = Ask(Question("m", "why " * 400, search=Search("docs")))
    with pytest.raises(QuestionTooLong, match="tokens too long for model 'm': 150 of its context") as refused:
        await answer(made, ADA, ask)
    assert refused.value.code == "context_length_exceeded"
    assert made.models.prompts == []


@pytest.mark.parametrize("per_word", [1, 3, 20])
@pytest.mark.parametrize("context", [1000, 1024, 1500, 2047])
async def test_no_prompt_is_over_the_limit_whatever_the_models_tokens_are_like(per_word: int, context: int):
    made = assistant(context=context, per_word=per_word)
    texts = ("x " * 30, "Gr\u00f6\u00dfe " * 9, "Antidisestablishmentarianism " * 5, "1 2 3 4 5 6 ")
    made.retriever.vdbs["acme", "docs"] = tuple(passage(n, text) for n, text in enumerate(texts, start=1))
    made.history.chats["acme", "c"] = [Turn("a b c", "d " * 40), Turn("Extraordinarily", "Sesquipedalian")] * 6
    question = Question("m", "Why?", search=Search("docs", k=4))
    await answer(made, ADA, Ask(question, chat_id="c"))
    assert made.models.tokens(made.models.prompts[0]) <= context - context // 4
    assert made.models.counts <= 5


async def test_a_count_that_no_choice_satisfies_leaves_system_and_question():
    made = assistant(context=400)
    made.models.tokens = lambda messages: 9 if "No passages." in messages[-1].content else 9999
    told = await answer(made, ADA, ASK_DOCS)
    assert told.citations == ()
    assert made.models.prompts[0][-1].content == "No passages.\n\nQuestion: Why?"
    assert made.models.counts <= 5
