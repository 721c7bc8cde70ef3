"""What of the retrieved chunks a model gets, and how it may answer: at the use cases."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from llmanager.chat.entities import Answer, Ask, Budget, Context, Passage, Question, Search, Traits, Turn
from llmanager.chat.quoting import SAID, SAMPLING, literal
from llmanager.chat.usecases.answer import answer, stream_answer
from llmanager.kernel.errors import Unavailable
from llmanager.kernel.principal import Principal
from tests.fakes.chat import fake_assistant, passage

pytestmark = pytest.mark.anyio

ADA = Principal("acme", "key", frozenset({"chat"}))
CHUNK = passage(1, "# Library\n\nIt opens at 9. It closes at 5. A card is free.", source="a.md")
SMALL = Traits(context="sentences", budget=Budget(200, 2))
QUOTING = replace(SMALL, quotes_only=True)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def assistant(given: Traits = SMALL):
    made = fake_assistant()
    made.models.given = given
    made.retriever.vdbs["acme", "docs"] = (CHUNK,)
    made.history.chats["acme", "c"] = [Turn("What does a card cost?", "Nothing.")]
    return made


def ask(text: str, context: Context | None = None, mode: str | None = None, **more) -> Ask:
    return Ask(Question("m", text, search=Search("docs", context=context, mode=mode)), **more)


async def test_a_small_model_gets_the_best_sentences_and_they_are_what_is_cited():
    made = assistant()
    told = await answer(made, ADA, ask("When does the library close?"))
    first = told.citations[0]
    assert (first.id, first.text, first.source) == ("p1", "It closes at 5.", "a.md")
    assert [CHUNK.text[slice(*one.span or ())] for one in told.citations] == [one.text for one in told.citations]
    assert len(told.citations) == 2
    assert made.models.prompts[0][-1].content.startswith("[1] It closes at 5.\n[2] ")


@pytest.mark.parametrize(("of_model", "asked"), [("chunks", None), ("sentences", "chunks")])
async def test_others_and_those_who_ask_for_them_get_chunks_as_ever(of_model: Context, asked: Context | None):
    made = assistant(replace(SMALL, context=of_model))
    assert (await answer(made, ADA, ask("When?", asked))).citations == (CHUNK,)
    assert made.retriever.compared == []


async def test_a_request_may_want_sentences_for_any_model():
    told = await answer(assistant(Traits()), ADA, ask("When does it close?", "sentences"))
    assert (told.citations[0].text, len(told.citations)) == ("It closes at 5.", 3)


async def test_the_databases_embedder_decides_where_words_do_not():
    made = assistant()
    made.retriever.near = {"Library: A card is free.": 0.9}
    told = await answer(made, ADA, ask("Must somebody pay?"))
    assert told.citations[0].text == "A card is free."
    assert made.retriever.compared == [("docs", "Must somebody pay?")]


async def test_an_embedder_that_fails_does_not_lose_the_answer():
    made = assistant()
    made.retriever.failure = Unavailable("It is down.")
    assert (await answer(made, ADA, ask("When does it close?"))).citations[0].text == "It closes at 5."


async def test_a_search_by_text_asks_no_embedder():
    made = assistant()
    assert (await answer(made, ADA, ask("When does it close?", mode="text"))).citations[0].text == "It closes at 5."
    assert made.retriever.compared == []


async def test_a_chunk_of_rules_alone_stays_a_chunk():
    made = assistant()
    made.retriever.vdbs["acme", "docs"] = (passage(1, "-----"),)
    assert (await answer(made, ADA, ask("Why?"))).citations == (passage(1, "-----"),)


# Questions that lean on the one before.


@pytest.mark.parametrize("context", ["sentences", "chunks"])
async def test_a_short_question_is_searched_with_the_one_before_and_asked_as_it_is(context: Context):
    made = assistant()
    await answer(made, ADA, ask("And on Sundays?", context, chat_id="c"))
    assert [query for _, query in made.retriever.searches] == ["What does a card cost?\nAnd on Sundays?"]
    assert made.models.prompts[0][-1].content.endswith("\n\nQuestion: And on Sundays?")


async def test_a_full_question_is_searched_alone_and_beside_reading_the_chat():
    made = assistant()
    made.retriever.on_search.clear()
    asking = asyncio.create_task(answer(made, ADA, ask("When does the library close?", chat_id="c")))
    async with asyncio.timeout(5):
        await made.history.reading.wait()
        made.retriever.on_search.set()
        await asking
    assert [query for _, query in made.retriever.searches] == ["When does the library close?"]


async def test_in_a_new_chat_there_is_nothing_to_lean_on():
    made = assistant()
    await answer(made, ADA, ask("Why?"))
    assert [query for _, query in made.retriever.searches] == ["Why?"]


# Models that may only quote.


async def test_a_model_that_may_only_quote_gets_a_grammar_of_its_prompts_passages():
    made = assistant(QUOTING)
    told = await answer(made, ADA, ask("When does it close?"))
    assert told.citations[0].text == "It closes at 5."
    assert '"According to [1]: \\"It closes at 5.\\""' in made.models.grammars[0]
    assert "[3]" not in made.models.grammars[0]


CLOSES, UNKNOWN = '"According to [1]: \\"It closes at 5.\\""', '"I don\'t know."'


@pytest.mark.parametrize(
    ("cosine", "are_wide", "allowed"),
    [
        pytest.param(0.9, True, {CLOSES}, id="sure"),
        pytest.param(0.1, True, {UNKNOWN}, id="of another thing"),
        pytest.param(0.9, False, {CLOSES, UNKNOWN}, id="high, as others set unrelated texts too"),
        pytest.param(0.1, False, {CLOSES, UNKNOWN}, id="low, by an embedder that is not known"),
    ],
)
async def test_only_of_an_embedder_that_is_known_the_cosine_decides_whether_it_may_know_nothing(
    cosine: float, are_wide: bool, allowed: set[str]
):
    made = assistant(QUOTING)
    made.retriever.near, made.retriever.are_wide = {"Library: It closes at 5.": cosine}, are_wide
    told = await answer(made, ADA, ask("When does it close?"))
    assert told.citations[0].text == "It closes at 5."
    assert {one for one in (CLOSES, UNKNOWN) if one in made.models.grammars[0]} == allowed


async def test_a_stream_is_held_to_it_too():
    made = assistant(QUOTING)
    events = [event async for event in stream_answer(made, ADA, ask("When does it close?"))]
    assert isinstance(events[-1], Answer)
    assert made.models.grammars[0].startswith('root ::= "I don\'t know." | ')


async def test_its_answer_is_the_likeliest_unless_the_caller_says_otherwise():
    made = assistant(QUOTING)
    await answer(made, ADA, ask("Why?", parameters={"seed": 1}))
    await answer(made, ADA, ask("Why?", parameters={"temperature": 0.5}))
    _ = [event async for event in stream_answer(made, ADA, ask("Why?"))]
    await answer(made, ADA, Ask(Question("m", "Why?")))
    assert SAMPLING["temperature"] == 0
    seeded, warm = {**SAMPLING, "seed": 1}, {**SAMPLING, "temperature": 0.5}
    assert made.models.parameters == [seeded, warm, SAMPLING, SAMPLING]


async def test_of_nothing_found_it_knows_nothing():
    made = assistant(QUOTING)
    made.retriever.vdbs["acme", "docs"] = ()
    await answer(made, ADA, ask("Why?"))
    assert made.models.grammars == ['root ::= "I don\'t know."']


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(ask("Why?", parameters={"response_format": {"type": "json_object"}}), id="JSON"),
        pytest.param(ask("Why?", parameters={"response_format": {"type": "json_schema"}}), id="JSON by a schema"),
    ],
)
async def test_with_a_shape_of_the_callers_it_may_say_anything(asked: Ask):
    made = assistant(QUOTING)
    await answer(made, ADA, asked)
    assert made.models.grammars == [""]


@pytest.mark.parametrize("told", [{"type": "text"}, {"type": []}, {}, None])
async def test_plain_text_is_no_shape_and_stays_held(told: dict[str, Any] | None):
    made = assistant(QUOTING)
    await answer(made, ADA, ask("Why?", parameters={"response_format": told}))
    _ = [event async for event in stream_answer(made, ADA, ask("Why?", parameters={"response_format": told}))]
    assert [grammar[:8] for grammar in made.models.grammars] == ["root ::="] * 2


async def test_without_a_database_it_may_repeat_only_what_the_user_said_before():
    made = assistant(QUOTING)
    await answer(made, ADA, Ask(Question("m", "What did I ask?"), chat_id="c"))
    assert literal(f'{SAID}What does a card cost?"') in made.models.grammars[0]
    assert "What did I ask?" not in made.models.grammars[0]


async def test_others_have_no_grammar():
    made = assistant()
    await answer(made, ADA, ask("Why?"))
    await answer(made, ADA, Ask(Question("m", "Why?")))
    assert made.models.grammars == ["", ""]


def test_a_passage_without_a_span_is_a_whole_chunk():
    assert Passage("p", "t", "", 1.0).span is None
