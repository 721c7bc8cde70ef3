"""What the model is asked on: contexts have the answer where they say so, and nothing that would answer as well."""

import re
from collections import Counter
from dataclasses import replace
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
BUSES = Block(
    "k/buses",
    ("Bus {count} runs every {duration} on {weekday}s.", "Line {count}, {weekday}s: every {duration}"),
    ("How often does bus {count} run on {weekday}s?", "How often is there a bus?"),
    (),
    ("And on {weekday}s?", "And bus {count}?", "What of the {count}?"),
)
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


def test_a_follow_up_keeps_what_it_does_not_name():
    source, seen = contexts(7, BUSES, HEAD), Counter[str]()
    contexts_made = [context for _ in range(300) if (context := source.follow_up(9)) is not None]
    for context in contexts_made:
        ((_, before),) = context.turns
        for asked in context.asked:
            bus, day = _bus_and_day(before)
            if asked.question.startswith("And on "):
                day = asked.question.removeprefix("And on ").removesuffix("?")
            else:
                bus = asked.question.split()[-1].removesuffix("?")
            about = [_bus_and_day(text) == (bus, day) for text in context.sentences]
            assert about == [place == asked.answer for place in range(len(about))], (context, asked)
            seen[asked.question.split()[1]] += 1
    assert min(seen["on"], seen["bus"], seen["of"]) > 50


def test_what_is_told_of_a_follow_up_is_told_anew():
    source = contexts(7, BUSES, HEAD)
    contexts_made = [context for _ in range(100) if (context := source.follow_up(1)) is not None]
    told = [
        (context.turns[0][1], context.sentences[one.answer])
        for context in contexts_made
        for one in context.asked
        if one.answer is not None
    ]
    times = [[re.findall(r"every ([^.]+?)(?: on|$)", text) for text in pair] for pair in told]
    assert sum(one != other for one, other in times) > 0.8 * len(times)


def test_where_a_fact_is_told_twice_the_question_names_which():
    seen = Counter[bool]()
    for context in made(400, BUSES, HEAD, OTHER):
        is_twice = sum("every" in text for text in context.sentences) > 1
        for asked in context.asked:
            if asked.answer is not None and "often" in asked.question:
                seen[is_twice] += 1
                assert not is_twice or "there a bus" not in asked.question, context
    assert min(seen[True], seen[False]) > 50


def test_what_two_sentences_answer_is_not_asked_where_both_stand():
    deputy = Block(
        "k/library", ("The deputy is {person}.",), ("Who is in charge?", "Who is the deputy?"), ("What for?",), ()
    )
    head = replace(HEAD, questions=("Who is in charge?", "Who runs the library?"))
    other = replace(OTHER, unanswered=("Who bakes?",))
    seen = Counter[bool]()
    for context in made(300, head, deputy, other):
        is_both = sum("deputy" in text or "runs" in text for text in context.sentences) > 1
        for asked in context.asked:
            if asked.answer is not None and "in charge" in asked.question:
                seen[is_both] += 1
    assert seen[False] > 50
    assert not seen[True]


def _bus_and_day(text: str) -> tuple[str, str] | None:
    found = re.search(r"(?:Bus|Line) (\d+(?:,\d+)?),? .*?(\w+days)", text)
    return (found[1], found[2]) if found else None


@pytest.mark.parametrize("seed", [1, 2])
def test_a_seed_makes_the_same_contexts(seed: int):
    one, other = contexts(seed), contexts(seed)
    assert [one.context(9) for _ in range(20)] == [other.context(9) for _ in range(20)]
