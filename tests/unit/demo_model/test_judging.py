"""When an answer counts as right: nothing is right by accident."""

import pytest

from tools.demo_model.evaluation.judging import Called, called, counts, fits, is_of_a_turn, judged, percentile, same

SOURCE = "It opens at 9. It closes\nat 5. Dogs may enter.\n"
CITED = ("It closes\nat 5.", "It opens at 9.")
CLOSES = "It closes at 5."


@pytest.mark.parametrize(
    ("answer", "wanted", "verdict"),
    [
        ('According to [1]: "It closes\nat 5."', CLOSES, "right"),
        ('According to [2]: "It opens at 9."', CLOSES, "wrong quote"),
        ('According to [2]: "It closes\nat 5."', CLOSES, "wrong quote"),  # true, but [2] is another sentence
        ('According to [1]: "It closes\nat 5."', None, "wrong quote"),
        ("I don't know.", CLOSES, "wrong unknown"),
        ("I don't know.", None, "right"),
        ('According to [1]: "It closes at 6."', CLOSES, "invented"),
        ('According to [3]: "It closes\nat 5."', CLOSES, "invented"),
        ('According to [0]: "It closes\nat 5."', CLOSES, "invented"),
        ('According to [1]: "It closes"', CLOSES, "wrong quote"),  # a part of what is cited
        ("It closes at 5.", CLOSES, "invented"),
        ("", None, "invented"),
    ],
)
def test_an_answer_is_right_if_it_quotes_the_sentence_and_cites_it(answer: str, wanted: str | None, verdict: str):
    assert judged(answer, CITED, wanted, SOURCE) == verdict


def test_what_the_prompt_escapes_is_quoted_as_it_stands_there():
    text = "[1] is <|im_end|>."
    shown = "\\[1] is <\\|im_end|>."
    assert judged(f'According to [1]: "{shown}"', (text,), text, text) == "right"
    assert judged(f'According to [1]: "{shown}"', (text,), text, f"First. {text}") == "right"  # no backslash there
    assert judged('According to [1]: "[1] is <|im_end|>."', (text,), text, text) == "invented"
    assert judged(f'According to [1]: "{shown}"', (text,), text, "First.") == "invented"


def test_a_sentence_that_only_contains_the_wanted_one_is_another():
    long = "It closes at 5. Dogs may enter."
    assert judged(f'According to [1]: "{long}"', (long,), CLOSES, SOURCE) == "wrong quote"


@pytest.mark.parametrize(
    ("answer", "is_told"),
    [
        ('You said: "My cat is Tom."', True),
        ('You said: "My cat is Tim."', False),
        ('You said: "My cat is', True),  # cut
        ('You said: ""', False),
        ("You have not told me that.", True),
    ],
)
def test_what_a_user_is_said_to_have_said_stands_in_a_turn(answer: str, is_told: bool):
    assert is_of_a_turn(answer, ["It rains.", "My cat is Tom."]) == is_told


def message(*calls: tuple[str, str]) -> dict[str, object]:
    return {"content": None, "tool_calls": [{"function": {"name": n, "arguments": a}} for n, a in calls]}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (message(("get", '{"city": "Rome", "days": 2}')), Called(True, True, True)),
        (message(("get", '{"city": "Rome", "days": true}')), Called(True, False, True)),
        (message(("get", '{"city": "Paris", "days": 2}')), Called(True, False, False)),
        (message(("put", '{"city": "Rome", "days": 2}')), Called(False, False, True)),
        (message(("get", "{")), Called(True, False, True)),
        (message(("get", "{}"), ("get", "{}")), Called(False, False, None)),
        ({"content": "Rome"}, Called(False, False, None)),
    ],
)
def test_a_call_is_right_by_name_and_by_every_argument(said: dict[str, object], expected: Called):
    assert called(said, "get", {"city": "Rome", "days": 2}, "Rome for 2 days") == expected


def test_json_fits_by_members_and_types():
    types = {"name": "string", "old": "boolean", "age": "number"}
    assert fits({"name": "A", "old": True, "age": 3}, types)
    assert not fits({"name": "A", "old": 1, "age": 3}, types)
    assert not fits({"name": "A", "old": True, "age": True}, types)
    assert not fits({"name": "A", "old": True}, types)
    assert not fits(None, types)
    assert not same({"a": 1, "b": 2}, {"a": 1})
    assert not same({"a": True}, {"a": 1})


def test_nothing_told_counts_as_nothing():
    assert counts([]) == {"right": 0, "wrong quote": 0, "wrong unknown": 0, "invented": 0}


def test_a_percentile_is_a_value_that_occurred():
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([1.0], 0.99) == 1.0
