"""Where sentences begin and end."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.chat.sentences import MAX_CHARS, is_whole, sentences

JUNK_CHARS = 1_000_000
JUNK_S = 8.0  # a square of a million would be days


def cut(text: str) -> list[str]:
    return [text[found.start : found.end] for found in sentences(text) if not found.is_heading]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It opens at 9. It closes at 5!  Really?", ["It opens at 9.", "It closes at 5!", "Really?"]),
        ("A line\nthat wraps. Next.", ["A line\nthat wraps.", "Next."]),
        ("Tools, e.g. saws, are lent. Ask.", ["Tools, e.g. saws, are lent.", "Ask."]),
        ("Ask Dr. Reed. He knows.", ["Ask Dr. Reed.", "He knows."]),
        ("J. R. Moss wrote it. She died.", ["J. R. Moss wrote it.", "She died."]),
        ("Use v1.2 or v1.3. It costs 3.50 now.", ["Use v1.2 or v1.3.", "It costs 3.50 now."]),
        ("See No. 5 below. No. It is not.", ["See No. 5 below.", "No.", "It is not."]),
        ("Wait... and see. Done.", ["Wait... and see.", "Done."]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ('"Really?" he said. Yes.', ['"Really?" he said.', "Yes."]),
        ("图书馆九点开门。五点关门！好吗？", ["图书馆九点开门。", "五点关门！", "好吗？"]),
        ("- One. Two.\n- Three\n  goes on\n2) Four", ["One.", "Two.", "Three\n  goes on", "Four"]),
        ("Name: Bob\nAge: 5 years", ["Name: Bob", "Age: 5 years"]),
        ("```\na = 1. b\nc()\n```\nText.", ["a = 1. b", "c()", "Text."]),
        ("make. all\n```\nText. More.", ["make. all", "Text.", "More."]),
        ("x = 1\n```\nText.\n```sh\nls. -a\n```", ["x = 1", "Text.", "ls. -a"]),
        ("Run this:\n```\nls. -a", ["Run this:", "ls. -a"]),
        ("┌───┐\n│ a │\n└───┘\nText.", ["│ a │", "Text."]),
        ("| a | b |\n|---|---|\n| 1 | 2. X |\n| 3 | 4 |", ["| 1 | 2. X |", "| 3 | 4 |"]),
        ("> Quoted words. More.", ["Quoted words.", "More."]),
        (" \n\t\n", []),
        ("Section 3. The Senate meets. Part of it.", ["The Senate meets.", "Part of it."]),
        ("no stop at all", ["no stop at all"]),
    ],
)
def test_a_text_is_cut_where_its_sentences_end(text: str, expected: list[str]):
    assert cut(text) == expected


def test_headings_are_told_apart_and_stand_above_what_follows():
    text = "# Library\n\n## Hours\n\nIt opens at 9.\n\n## Fees\n\nIt is free.\n\nPrices\n------\n\nTwo."
    found = sentences(text)
    assert [text[one.start : one.end] for one in found if one.is_heading] == ["Library", "Hours", "Fees", "Prices"]
    assert [one.heading for one in found if not one.is_heading] == ["Library Hours", "Library Fees", "Library Prices"]


def test_a_tables_rows_stand_under_its_columns():
    assert sentences("| Day | Opens |\n|---|---|\n| Monday | 9 |")[-1].heading == "Day | Opens"


def test_a_sentence_knows_the_one_before_it_in_its_paragraph_or_list():
    assert [one.before for one in sentences("One. Two.\n\nThree.")] == ["", "One.", ""]
    assert [one.before for one in sentences("- One.\n- Two.\n")] == ["", "One."]


def test_an_endless_line_is_cut_at_blanks_and_if_there_are_none_anywhere():
    assert max(map(len, cut("word " * 1000))) <= MAX_CHARS
    assert all(not part.startswith("ord") for part in cut("word " * 1000))
    assert "".join(cut("x" * 2000)) == "x" * 2000


@given(st.text(alphabet="aB1 .!?…\n#-|`:\"'()。é5>*=", max_size=200))
def test_no_word_is_lost_or_shown_twice_and_order_is_kept(text: str):
    found = sentences(text)
    ends = [0, *(one.end for one in found)]
    assert all(one.start >= before for one, before in zip(found, ends, strict=False))
    assert all(text[one.start : one.end].strip() == text[one.start : one.end] != "" for one in found)


@pytest.mark.parametrize(
    "junk",
    [
        "." * 2,
        "a",
        "# ",
        "| ",
        "a. ",
        "- ",
        ". ",
        ">",
        "x:\n",
        '."',
        "\n",
        "A ",
        "。",
        "=\n",
        "[ ] ",
        "*",
        "```\n",
        "A. ",
    ],
)
def test_a_million_characters_of_junk_take_no_longer_than_they_are_long(junk: str):
    text = junk * (JUNK_CHARS // len(junk))
    began_s = time.process_time()
    sentences(text)
    assert time.process_time() - began_s < JUNK_S


@pytest.mark.parametrize(
    ("text", "whole"), [("It ends.", True), ('"So?"', True), ("好。", True), ("it goes on", False)]
)
def test_what_ends_like_a_sentence_is_whole(text: str, whole: bool):
    assert is_whole(text) is whole
