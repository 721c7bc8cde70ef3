"""The banks of templates: all of them can be read, and each says what the generator relies on."""

import re

import pytest

from tools.demo_model import bank, talk, tool_calls
from tools.demo_model.bank import slots
from tools.demo_model.evaluation.talking import GREETINGS, IDENTITY, REAL
from tools.demo_model.samples import BANKS
from tools.demo_model.slots import MAKERS, lists, words
from tools.demo_model.tool_calls import FIELD

BLOCKS = bank.read(BANKS)
TOOLS, RECORDS = tool_calls.read()
INTENTS, MEMORIES = talk.read()


def kind_of(slot: str) -> str:
    return slot.rstrip("*").partition(":")[0]


def test_there_is_the_variety_that_it_is_trained_on():
    assert len(BLOCKS) > 700
    assert len({block.kind for block in BLOCKS}) > 70
    assert len(TOOLS) > 100
    assert len(RECORDS) > 50


def test_every_slot_is_of_a_known_kind():
    texts = [t for b in BLOCKS for t in (*b.sentences, *b.questions, *b.unanswered, *b.follow_ups)]
    texts += [t for intent in INTENTS for t in (*intent.asked, *intent.answered)]
    texts += [t for memory in MEMORIES for t in (*memory.told, *memory.asked)]
    used = {kind_of(slot) for text in texts for slot in slots(text)}
    used |= {found[2] for tool in TOOLS for text in tool.asked for found in FIELD.finditer(text)}
    used |= {found[2] for record in RECORDS for text in record.told for found in FIELD.finditer(text)}
    assert used - MAKERS.keys() - lists().keys() == set()


def test_what_a_question_asks_by_stands_in_every_sentence_of_its_block_or_in_none():
    for block in BLOCKS:
        asked = frozenset.union(*map(slots, block.questions))
        some = frozenset.union(*map(slots, block.sentences))
        every = frozenset.intersection(*map(slots, block.sentences))
        assert {slot for slot in asked & some if not slot.endswith("*")} <= every, block.sentences
        assert block.keys <= every


def test_a_follow_up_names_a_key():
    for block in BLOCKS:
        for text in block.follow_ups:
            assert slots(text) & block.keys, text


def test_no_template_has_a_brace_that_is_no_slot():
    for block in BLOCKS:
        for text in (*block.sentences, *block.questions, *block.unanswered, *block.follow_ups):
            assert not re.search(r"[{}]", bank.SLOT.sub("", text)), text


def test_lists_have_enough_values_and_none_twice():
    for kind, values in lists().items():
        assert len(values) >= 15, kind
    assert len(set(words())) == len(words())


def test_what_it_is_asked_in_its_evaluation_stands_in_no_bank():
    trained = {text.lower() for intent in INTENTS for text in intent.asked}
    assert not trained & {text.lower() for text in (*GREETINGS, *IDENTITY, *REAL)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# Kind\n\nS: One.\nX: What?\n", "b.txt:4"),
        ("# Kind\n\nS: One.\n", "lacks its"),
        ("S: One.\nQ: What?\n", "lacks its"),
    ],
)
def test_a_bank_that_cannot_be_read_says_where(text: str, says: str):
    with pytest.raises(ValueError, match=says):
        list(bank.blocks(text, "b"))


def test_a_block_is_read_line_by_line():
    (block,) = bank.blocks("# Kind\n\nS: At {time} {org*} opens.\nQ: When is {time}?\nU: Why?\nF: And {time}?\n", "b")
    assert block == bank.Block(
        "b/Kind", ("At {time} {org*} opens.",), ("When is {time}?",), ("Why?",), ("And {time}?",)
    )
    assert block.keys == {"time"}
