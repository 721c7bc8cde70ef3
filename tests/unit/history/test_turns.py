import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.history.entities import Message, NewMessage
from llmanager.history.turns import turns
from llmanager.history.usecases.get import get_turns
from llmanager.history.usecases.new import new_chat
from tests.fakes.clock import NOON
from tests.fakes.table import FakeTable

ROLES = {"s": "system", "d": "developer", "t": "tool", "u": "user", "a": "assistant"}


def messages(script: str) -> list[Message]:
    """ "ua" is a question and its answer; contents are the letter and its place: "u0", "a1"."""
    return [Message(f"m{n}", ROLES[letter], f"{letter}{n}", NOON, n) for n, letter in enumerate(script)]


@pytest.mark.parametrize(
    ("script", "pairs"),
    [
        ("", []),
        ("ua", [("u0", "a1")]),
        ("uaua", [("u0", "a1"), ("u2", "a3")]),
        ("u", [("u0", "")]),
        ("uu", [("u0", ""), ("u1", "")]),
        ("sua", [("u1", "a2")]),
        ("s", []),
        ("uatau", [("u0", "a1\n\na3"), ("u4", "")]),
        ("utdsa", [("u0", "a4")]),
        ("aua", [("", "a0"), ("u1", "a2")]),
        ("aa", [("", "a0\n\na1")]),
    ],
)
def test_messages_become_turns(script, pairs):
    assert [(turn.q, turn.a) for turn in turns(messages(script))] == pairs


@given(st.text("sdtua", max_size=30), st.integers(1, 5))
def test_pages_of_turns_together_are_the_turns_of_the_whole_chat(script, limit):
    table, numbers = FakeTable(), itertools.count()
    whole = messages(script)
    said = [NewMessage(message.role, message.content) for message in whole]
    chat = new_chat(table, tenant="acme", messages=said, now=NOON, new_id=lambda: f"{next(numbers):016}")
    seen, cursor = [], None
    while True:
        page = get_turns(table, tenant="acme", chat_id=chat.id, limit=limit, cursor=cursor)
        assert len(page.items) <= limit
        seen += [(turn.q, turn.a) for turn in page.items]
        if (cursor := page.cursor) is None:
            break
    assert seen == [(turn.q, turn.a) for turn in turns(whole)]
