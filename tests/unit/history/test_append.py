from concurrent.futures import ThreadPoolExecutor

import pytest

from llmanager.history.entities import MAX_CONTENT_BYTES, MAX_MESSAGES
from llmanager.history.errors import (
    ChatNotFound,
    MessagesTooLarge,
    MessageTooLarge,
    TooManyMessages,
)
from llmanager.history.retries import TRIES
from llmanager.kernel.errors import Throttled, Unavailable
from llmanager.kernel.table import Check
from tests.unit.history.calls import History, refused, rows_left


def test_appending_keeps_the_order_of_what_was_said(history):
    chat = history.new("a", "b")
    history.append(chat, "c")
    history.append(chat, "d", "e")
    assert history.texts(chat) == ["a", "b", "c", "d", "e"]


def test_appending_side_by_side_loses_nothing_and_mixes_no_two_appends(history):
    chat = history.new()
    with ThreadPoolExecutor(64) as pool:
        list(pool.map(lambda n: history.append(chat, f"{n}:q", f"{n}:a"), range(64)))
    texts = history.texts(chat)
    assert sorted(texts) == sorted(f"{n}:{part}" for n in range(64) for part in "qa")
    for q, a in zip(texts[::2], texts[1::2], strict=True):
        assert (q.removesuffix(":q"), q[-1], a[-1]) == (a.removesuffix(":a"), "q", "a")


def test_appending_to_a_chat_that_is_not_there_is_not_found(history):
    with pytest.raises(ChatNotFound):
        history.append("nope", "a")


def test_appending_to_another_tenants_chat_is_not_found(history, table, clock):
    chat = History(table, clock, "rival").new("secret")
    with pytest.raises(ChatNotFound):
        history.append(chat, "a")


def test_an_append_that_loses_the_race_with_delete_leaves_nothing_behind(history, table):
    chat = history.new("a")
    table.before_write = lambda _: history.delete(chat)
    with pytest.raises(ChatNotFound):
        history.append(chat, "b")
    assert rows_left(table) == []


def test_an_append_that_wins_the_race_with_delete_is_deleted_with_the_rest(history, table):
    chat = history.new("a")
    table.before_write = lambda _: history.append(chat, "b")  # between the delete's call and its first write
    history.delete(chat)
    assert rows_left(table) == []


def test_an_append_whose_answer_was_lost_is_kept_once(history, table):
    chat = history.new("a")
    table.after_write = refused(Throttled("busy"))
    history.append(chat, "b", "c")
    assert history.texts(chat) == ["a", "b", "c"]


def test_appending_writes_all_or_nothing(history, table):
    chat = history.new("a")
    table.before_write = refused(Unavailable("away"))
    with pytest.raises(Unavailable):
        history.append(chat, "b", "c")
    history.append(chat, "d")
    assert history.texts(chat) == ["a", "d"]


def test_appending_takes_up_to_the_limits_and_names_them_beyond(history):
    chat = history.new()
    history.append(chat, *["x"] * MAX_MESSAGES)
    history.append(chat, "x" * (MAX_CONTENT_BYTES - 2))
    with pytest.raises(TooManyMessages, match=str(MAX_MESSAGES)):
        history.append(chat, *["x"] * (MAX_MESSAGES + 1))
    with pytest.raises(MessageTooLarge, match=str(MAX_CONTENT_BYTES)):
        history.append(chat, "x" * (MAX_CONTENT_BYTES - 1))
    with pytest.raises(MessageTooLarge):
        history.append(chat, "\n" * (MAX_CONTENT_BYTES // 2))  # two bytes each as JSON
    with pytest.raises(MessagesTooLarge, match="several"):
        history.append(chat, *["x" * 200_000] * 16)
    assert len(history.texts(chat)) == MAX_MESSAGES + 1


def test_a_throttled_table_is_tried_a_bounded_number_of_times(history, table):
    chat = history.new()
    tries = []

    def throttle(actions) -> None:
        tries.append(actions)
        table.before_write = throttle
        raise Throttled("busy")

    table.before_write = throttle
    with pytest.raises(Throttled):
        history.append(chat, "a")
    assert len(tries) == TRIES
    assert isinstance(tries[0][0], Check)
