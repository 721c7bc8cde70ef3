"""What `bench kills` would see if a promise were broken: a check that never fails promises nothing."""

import json

import pytest

from bench._load import Fate, Keeper, Writer, end_of

CHAT = "c1"


def turn(number, who="w0"):
    return {"q": f"{who} {number}", "a": f"answer to {who} {number}"}


@pytest.fixture
def writer():
    writer = Writer("w0", CHAT)
    writer.acknowledged = [(CHAT, 1), (CHAT, 3)]
    return writer


def test_what_was_acknowledged_and_what_was_not_may_be_there_among_the_turns_of_others(writer):
    assert writer.check({CHAT: [turn(1), turn(9, "w1"), turn(2), turn(3)]}) == []
    assert writer.broken == []


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ([turn(1)], "w0 3 is not in c1"),
        ([turn(1), turn(3), turn(3)], "repeated or out of order"),
        ([turn(3), turn(1)], "repeated or out of order"),
    ],
    ids=["lost", "twice", "out of order"],
)
def test_a_turn_that_is_lost_repeated_or_misplaced_is_seen(writer, found, problem):
    assert problem in "".join(writer.check({CHAT: found}))


def test_half_a_turn_is_seen(writer):
    writer.check({CHAT: [turn(1), {"q": "w0 3", "a": ""}]})
    assert "half a turn" in writer.broken[0]


@pytest.mark.parametrize(
    ("fate", "statuses", "is_kept"),
    [
        (Fate("yes", "ready"), {"m": "ready"}, True),
        (Fate("yes", "?"), {"m": "asleep"}, True),
        (Fate("no"), {}, True),
        (Fate("yes", "ready", is_doomed=True), {}, True),
        (Fate("?"), {}, True),
        (Fate("yes", "ready"), {}, False),
        (Fate("yes", "ready"), {"m": "failed"}, False),
        (Fate("yes", "asleep"), {"m": "ready"}, False),
        (Fate("no"), {"m": "deleting"}, False),
    ],
)
def test_a_models_fate_is_what_was_acknowledged(fate, statuses, is_kept):
    keeper = Keeper("m", seed=1)
    keeper.fates["m"] = fate
    assert (keeper.check(statuses) == []) == is_kept


def stream(*events):
    return "".join(f"data: {e if isinstance(e, str) else json.dumps(e)}\n\n" for e in events)


TEXT = {"choices": [{"delta": {"content": "1"}, "finish_reason": None}]}
LAST = {"choices": [{"delta": {}, "finish_reason": "length"}]}
ERROR = {"error": {"message": "It broke."}}


@pytest.mark.parametrize(
    ("status", "text", "end"),
    [
        (200, stream(TEXT, LAST, "[DONE]"), "complete"),
        (200, stream(TEXT, ERROR), "error event"),
        (503, json.dumps(ERROR), "refused before the first byte"),
        (200, stream(TEXT), "done False, finished False, error False"),
        (200, stream(TEXT, "[DONE]"), "done True, finished False, error False"),
        (200, stream(TEXT, ERROR, "[DONE]"), "done True, finished False, error True"),
        (200, "", "done False, finished False, error False"),
    ],
)
def test_a_stream_that_ends_in_silence_or_pretends_to_be_done_is_seen(status, text, end):
    assert end_of(status, text) == end
