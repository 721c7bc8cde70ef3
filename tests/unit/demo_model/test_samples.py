"""What is held out is never trained on: blocks, tools, records, and values of slots."""

from itertools import islice, pairwise
from random import Random

import pytest

from tools.demo_model.bank import slots
from tools.demo_model.rendering import END, QUESTION, QUOTE, UNKNOWN, answers
from tools.demo_model.samples import CHOICE, SHARES, Mixture, splits, text_of
from tools.demo_model.slots import MAKERS, SHORT, Values, fill, is_held_out, lists, sentence

KEPT, HELD = splits()


def test_blocks_tools_and_records_are_held_out_whole():
    assert not set(KEPT.blocks) & set(HELD.blocks)
    assert not {text for b in KEPT.blocks for text in b.sentences} & {text for b in HELD.blocks for text in b.sentences}
    assert not {tool.name for tool in KEPT.tools} & {tool.name for tool in HELD.tools}
    assert not set(KEPT.records) & set(HELD.records)


def test_about_an_eighth_is_held_out():
    assert 0.08 < len(HELD.blocks) / len((*KEPT.blocks, *HELD.blocks)) < 0.17
    assert len(HELD.tools) >= 12
    assert len(HELD.records) >= 8


@pytest.mark.parametrize("kind", sorted((MAKERS.keys() | lists().keys()) - SHORT - {"org-pattern"}))
def test_values_of_a_kind_are_held_out_too(kind: str):
    """But for a few short lists of which nothing may be held out: then a value comes all the same."""
    trained = {Values(Random(seed), held_out=False).of(kind) for seed in range(300)}
    assert all(not is_held_out(value) for value in trained)


def test_names_that_are_measured_with_are_not_trained_with():
    of_training, of_measuring = Values(Random(1), held_out=False), Values(Random(1), held_out=True)
    for kind in ("person", "org", "project", "noun", "invented", "path", "word"):
        trained = {of_training.of(kind) for _ in range(400)}
        assert not trained & {of_measuring.of(kind) for _ in range(100)}, kind


def test_the_same_seed_makes_the_same_samples():
    one, other = (Mixture(KEPT, 3, held_out=False) for _ in range(2))
    assert list(islice(one, 30)) == list(islice(other, 30))


@pytest.mark.parametrize("kind", SHARES)
def test_every_kind_of_sample_has_something_to_learn_and_ends_its_answers(kind: str):
    mixture = Mixture(KEPT, 5, held_out=False)
    for sample in (mixture.sample(kind) for _ in range(60)):
        assert kind == "memory" or all(piece.weight == 0 for piece in sample.prefix)
        for branch in sample.branches:
            assert any(piece.weight for piece in branch)
            assert "{" not in text_of(sample) or kind in {"calls", "json"}
            assert kind in {"passages", "follow_up"} or branch[-1].text.endswith(END)


def test_an_answer_on_passages_is_a_number_of_the_prompt_or_that_nothing_tells():
    mixture = Mixture(KEPT, 5, held_out=False)
    for sample in (mixture.sample("passages") for _ in range(100)):
        for branch in sample.branches:
            assert (branch[0].text, branch[2].text) == (QUESTION, answers())
            if branch[3].text == QUOTE:
                assert f"[{branch[4].text}] " in sample.prefix[0].text
            else:
                assert branch[3].text == UNKNOWN


@pytest.mark.parametrize("kind", SHARES)
def test_only_the_choice_of_a_sentence_weighs_as_such(kind: str):
    """By the weights training tells apart what it logs."""
    mixture = Mixture(KEPT, 5, held_out=False)
    for sample in (mixture.sample(kind) for _ in range(60)):
        for branch in sample.branches:
            for before, piece in pairwise(branch):
                assert (piece.weight == CHOICE) == (before.text == QUOTE)


def test_articles_and_capitals_fit_the_values():
    values = {"animal": "otter", "org*": "the Guild", "noun": "lamp"}
    assert fill("a {animal} and an {noun}", values) == "an otter and a lamp"
    assert fill("the {org*} opens", values) == "the Guild opens"
    assert sentence("{animal}s swim.", values) == "Otters swim."


def test_two_slots_of_one_kind_get_two_values():
    for seed in range(200):
        bound = Values(Random(seed), held_out=False).bound(slots("{weekday:first} {weekday:last} {weekday}"))
        assert len(set(bound.values())) == 3
