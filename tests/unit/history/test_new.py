from datetime import timedelta

import pytest

from llmanager.history.entities import MAX_MESSAGES, MAX_METADATA_BYTES
from llmanager.history.errors import (
    ChatNotFound,
    MetadataTooLarge,
    TooManyMessages,
)
from llmanager.history.usecases.list import list_chats
from llmanager.kernel.errors import Throttled
from tests.unit.history.calls import History, refused, rows_left


def test_new_chats_come_first_in_the_list(history, clock):
    for title in ("one", "two", "three"):
        history.new(title=title)
        clock.advance(0.001)
    assert history.titles() == ["three", "two", "one"]


def test_new_chats_are_seen_by_their_tenant_only(history, table, clock):
    rival = History(table, clock, "rival")
    chat = rival.new("secret", title="theirs")
    assert history.titles() == []
    with pytest.raises(ChatNotFound):
        history.texts(chat)
    with pytest.raises(ChatNotFound):
        history.delete(chat)
    assert rival.texts(chat) == ["secret"]


def test_new_chats_are_listed_in_pages_that_new_ones_do_not_shift(history, table, clock):
    for n in range(5):
        history.new(title=str(n))
        clock.advance(1)
    first = list_chats(table, tenant="acme", limit=2)
    history.new(title="late")
    second = list_chats(table, tenant="acme", limit=2, cursor=first.cursor)
    assert [chat.title for chat in (*first.items, *second.items)] == ["4", "3", "2", "1"]


def test_new_chats_keep_title_metadata_and_times(history, table, clock):
    metadata = {"t": 0.5, "n": 1, "ok": True, "none": None, "é": "🦙"}
    history.new(title="T", metadata=metadata, ttl_s=60)
    (chat,) = list_chats(table, tenant="acme", limit=1).items
    assert (chat.title, chat.metadata, chat.created_at) == ("T", metadata, clock.now())
    assert chat.expires_at == clock.now() + timedelta(seconds=60)


def test_new_chats_whose_answer_was_lost_are_kept_once(history, table):
    table.after_write = refused(Throttled("busy"))
    chat = history.new("a", title="once")
    assert (history.titles(), history.texts(chat)) == (["once"], ["a"])


def test_new_chats_with_too_much_are_refused(history, table):
    with pytest.raises(TooManyMessages):
        history.new(*["x"] * (MAX_MESSAGES + 1))
    with pytest.raises(MetadataTooLarge, match=str(MAX_METADATA_BYTES)):
        history.new(metadata={"x": "x" * MAX_METADATA_BYTES})
    assert rows_left(table) == []
    history.new(*["x"] * MAX_MESSAGES)


def test_new_chats_with_a_ttl_vanish_whole(history, table, clock):
    chat = history.new("a", ttl_s=60)
    history.append(chat, "b")
    clock.advance(59)
    history.append(chat, "c")
    assert history.texts(chat) == ["a", "b", "c"]
    clock.advance(1)
    with pytest.raises(ChatNotFound):
        history.append(chat, "d")
    assert history.titles() == []
    assert rows_left(table) == []
