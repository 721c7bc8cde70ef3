"""What the model is asked on: contexts have the answer where they say so, and nothing that would answer as well."""

from random import Random

import pytest

from tools.demo_model.bank import Block
from tools.demo_model.contexts import REAL, Context, Contexts
from tools.demo_model.samples import splits
from tools.demo_model.slots import Values

KEPT, HELD = splits()
OPENING = Block(
    "k/library",
    ("The library opens at {time} on {weekday}s.", "On {weekday}s it opens at {time}."),
    ("When does it open on {weekday}s?",),
    ("How many come on {weekday}s?",),
    ("And on {weekday}s?",),
)
HEAD = Block("k/library", ("{person} runs the library.",), ("Who is in charge?",), ("How old is the head?",), ())
OTHER = Block("k/bakery", ("A loaf costs {money}.",), ("What is the price of a loaf?",), (), ())


def contexts(seed: int, *blocks: Block) -> Contexts:
    random = Random(seed)
    return Contexts(blocks or KEPT.blocks, Values(random, held_out=False), random, REAL, is_checked=True)


def made(count: int, *blocks: Block) -> list[Context]:
    source = contexts(7, *blocks)
    return [source.context(9) for _ in range(count)]


def test_a_context_has_one_to_three_sentences_none_twice():
    every = made(300)
    assert {len(context.sentences) for context in every} == {1, 2, 3}
    assert all(len(set(context.sentences)) == len(context.sentences) for context in every)


def test_an_answer_is_one_of_its_sentences_and_some_questions_have_none():
    asked = [(context, asked) for context in made(300) for asked in context.asked]
    answers = [(context, one.answer) for context, one in asked if one.answer is not None]
    assert all(0 <= answer < len(context.sentences) for context, answer in answers)
    assert 0.55 < len(answers) / len(asked) < 0.7


def test_the_answer_tells_what_is_asked():
    for context in made(300, OPENING, HEAD, OTHER):
        for asked in context.asked:
            if asked.answer is None:
                continue
            told, question = context.sentences[asked.answer], asked.question.lower()
            assert ("open" in question) == ("opens" in told)
            assert ("charge" in question) == ("runs" in told)
            days = [day for day in ("monday", "friday", "sunday") if day in question]
            assert all(day in told.lower() for day in days)


def test_two_tellings_of_one_fact_differ_in_their_key():
    for context in made(400, OPENING, HEAD, OTHER):
        days = [word for text in context.sentences for word in text.split() if word.strip(".").endswith("days")]
        assert len(days) == len({day.strip(".") for day in days}), context.sentences


def test_a_question_without_an_answer_asks_nothing_that_is_told():
    for context in made(400, OPENING, HEAD, OTHER):
        told = " ".join(context.sentences).lower()
        for asked in context.asked:
            question = asked.question.lower()
            if asked.answer is None and "when does it open on" in question:
                assert question.split(" on ")[1].strip("?.! s") not in told, (context.sentences, question)
            if asked.answer is None and "in charge" in question:
                assert "runs the library" not in told


def test_a_follow_up_asks_with_another_key_than_the_turn_before():
    source, seen = contexts(7, OPENING, HEAD), 0
    for _ in range(200):
        context = source.follow_up(1)
        if context is None:
            continue
        seen += 1
        ((before, told_before),) = context.turns
        (asked,) = context.asked
        day = asked.question.removeprefix("And on ").strip("?")
        assert day not in before
        assert day not in told_before
        if asked.answer is None:
            assert all(day not in sentence for sentence in context.sentences)
        else:
            assert day in context.sentences[asked.answer]
    assert seen > 100


@pytest.mark.parametrize("seed", [1, 2])
def test_a_seed_makes_the_same_contexts(seed: int):
    one, other = contexts(seed), contexts(seed)
    assert [one.context(9) for _ in range(20)] == [other.context(9) for _ in range(20)]
