"""What a model may say that may only quote."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from llmanager.adapters.local.demo_model import PACKAGED
from llmanager.chat.entities import Draft, Passage
from llmanager.chat.prompt import messages
from llmanager.chat.quoting import SAID, SAMPLING, SURE, UNKNOWN, UNLIKELY, grammar, literal, quote, recall
from tests.fakes.chat import passage
from tests.fakes.engine import Engine, engine

STRANGE = 'It says "5" at C:\\new\\table.\nGrüße, 图书 🙂 \t[x] ] (|) # \x01\x7f end'


def sentence(text: str) -> Passage:
    return Passage("p", text, "", 0.5, (0, len(text)))


@pytest.fixture(scope="module")
def server() -> Iterator[Engine]:
    with engine(PACKAGED) as served:
        yield served


def said(server: Engine, grammar: str, seed: int = 0, **more: Any) -> dict[str, Any]:
    free = {"messages": [{"role": "user", "content": "Hello"}], "temperature": 2.0, "max_tokens": 480}
    body = {**free, "grammar": grammar, "seed": seed, **more}
    choice: dict[str, Any] = server.post("/v1/chat/completions", body)["choices"][0]
    return {"text": choice["message"]["content"], "why": choice["finish_reason"]}


def test_each_passage_may_be_quoted_by_its_number_or_nothing_be_known():
    assert grammar([sentence("It opens."), sentence("It closes.")]) == (
        'root ::= "I don\'t know." | "According to [1]: \\"It opens.\\"" | "According to [2]: \\"It closes.\\""'
    )


def test_where_the_embedder_is_sure_of_the_best_it_has_to_be_a_quote():
    best, other = sentence("It opens."), sentence("It closes.")
    assert UNKNOWN not in grammar([replace(best, cosine=SURE), other])
    assert UNKNOWN in grammar([replace(best, cosine=SURE - 0.01), replace(other, cosine=SURE)])


def test_where_the_best_is_of_another_thing_altogether_nothing_is_quoted():
    best = Passage("a", "It closes at 5.", "", 1.0, (0, 15), cosine=UNLIKELY - 0.01)
    assert grammar([best]) == f"root ::= {literal(UNKNOWN)}"
    assert literal(quote(1, best.text)) in grammar([replace(best, cosine=UNLIKELY)])
    assert literal(quote(1, best.text)) in grammar([replace(best, cosine=None)])


def test_without_passages_nothing_is_known():
    assert grammar([]) == 'root ::= "I don\'t know."'


def test_the_text_is_as_the_prompt_shows_it():
    assert grammar([sentence("  [2] is a line\r\nof <|x|> ")]) == (
        'root ::= "I don\'t know." | "According to [1]: \\"\\\\[2] is a line\\nof <\\\\|x|>\\""'
    )


def test_a_whole_chunk_is_quoted_by_the_sentence():
    assert grammar([passage(1, "One is. Two is.")]).count("According to [1]") == 2


def test_a_grammar_is_ascii_and_one_line():
    assert literal('é"\\\n\x01🙂') == '"\\u00E9\\"\\\\\\n\\x01\\U0001F642"'


def test_what_the_engine_could_never_say_is_not_offered():
    assert grammar([sentence("a\0b")]) == grammar([])


def test_the_real_engine_says_one_of_these_and_nothing_else(server: Engine):
    passages = [sentence(STRANGE), sentence("Plain."), sentence("Plain. And longer.")]
    allowed = {UNKNOWN, *(quote(n, one.text) for n, one in enumerate(passages, start=1))}
    answers = [said(server, grammar(passages), seed) for seed in range(8)]
    assert {answer["text"] for answer in answers} <= allowed
    assert {answer["why"] for answer in answers} == {"stop"}


def test_the_real_engine_takes_the_doubt(server: Engine):
    """In the words in which it is sent, which are OpenAI's but for the token: that is a text."""
    passages = (sentence("It opens at 5."),)
    asked = [{"role": m.role, "content": m.content} for m in messages(Draft("What does it cost?", "", passages))]
    given = {"messages": asked, "temperature": 0, "max_tokens": 60}
    for bias, answer in ((50, UNKNOWN), (-50, quote(1, "It opens at 5."))):
        assert said(server, grammar(passages), **given, logit_bias={UNKNOWN: bias})["text"] == answer
    assert said(server, grammar(passages), **given | SAMPLING)["why"] == "stop"


def test_every_sign_comes_through_the_real_engine(server: Engine):
    only = "root ::= " + literal(quote(1, STRANGE))
    assert said(server, only)["text"] == quote(1, STRANGE)


def test_with_no_passages_the_real_engine_knows_nothing(server: Engine):
    assert said(server, grammar([]))["text"] == UNKNOWN


# Without passages


@pytest.mark.parametrize("told", [["I am Ann.", STRANGE], ["I am Ann.", "a\0b", "I am Ann."]])
def test_what_was_said_is_said_again_word_for_word(server: Engine, told: list[str]):
    answers = [said(server, recall(told), seed, logit_bias=[[SAID, 40]]) for seed in range(6)]
    assert {answer["text"] for answer in answers} <= {f'{SAID}{text}"' for text in told}
    assert {answer["why"] for answer in answers} == {"stop"}


@pytest.mark.parametrize("text", ["You have not told me that.", "I will keep that in mind."])
def test_other_answers_are_free(server: Engine, text: str):
    assert said(server, recall(["I am Ann."]), logit_bias=[[text, 40]])["text"].startswith(text)


def test_where_nothing_was_said_before_nothing_is_said_again(server: Engine):
    assert not said(server, recall([]), logit_bias=[[SAID, 40]])["text"].startswith(SAID)
