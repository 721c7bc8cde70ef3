from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from llmanager.history.entities import MAX_CONTENT_BYTES, MAX_MESSAGES, MAX_METADATA_BYTES
from llmanager.history.errors import (
    ChatNotFound,
    MessagesTooLarge,
    MessageTooLarge,
    MetadataTooLarge,
    TooManyMessages,
)
from llmanager.history.retries import TRIES
from llmanager.history.usecases.get import get_messages, get_tail, get_turns
from llmanager.history.usecases.list import list_chats
from llmanager.history.usecases.update import update_chat
from llmanager.kernel.errors import Conflict, InvalidInput, Throttled, Unavailable
from llmanager.kernel.table import Check
from tests.unit.history.calls import History, refused, rows_left


class TestAppending:
    def test_keeps_the_order_of_what_was_said(self, history):
        chat = history.new("a", "b")
        history.append(chat, "c")
        history.append(chat, "d", "e")
        assert history.texts(chat) == ["a", "b", "c", "d", "e"]

    def test_side_by_side_loses_nothing_and_mixes_no_two_appends(self, history):
        chat = history.new()
        with ThreadPoolExecutor(64) as pool:
            list(pool.map(lambda n: history.append(chat, f"{n}:q", f"{n}:a"), range(64)))
        texts = history.texts(chat)
        assert sorted(texts) == sorted(f"{n}:{part}" for n in range(64) for part in "qa")
        for q, a in zip(texts[::2], texts[1::2], strict=True):
            assert (q.removesuffix(":q"), q[-1], a[-1]) == (a.removesuffix(":a"), "q", "a")

    def test_to_a_chat_that_is_not_there_is_not_found(self, history):
        with pytest.raises(ChatNotFound):
            history.append("nope", "a")

    def test_to_another_tenants_chat_is_not_found(self, history, table, clock):
        chat = History(table, clock, "rival").new("secret")
        with pytest.raises(ChatNotFound):
            history.append(chat, "a")

    def test_that_loses_the_race_with_delete_leaves_nothing_behind(self, history, table):
        chat = history.new("a")
        table.before_write = lambda _: history.delete(chat)
        with pytest.raises(ChatNotFound):
            history.append(chat, "b")
        assert rows_left(table) == []

    def test_that_wins_the_race_with_delete_is_deleted_with_the_rest(self, history, table):
        chat = history.new("a")
        table.before_write = lambda _: history.append(chat, "b")  # between the delete's call and its first write
        history.delete(chat)
        assert rows_left(table) == []

    def test_whose_answer_was_lost_is_kept_once(self, history, table):
        chat = history.new("a")
        table.after_write = refused(Throttled("busy"))
        history.append(chat, "b", "c")
        assert history.texts(chat) == ["a", "b", "c"]

    def test_writes_all_or_nothing(self, history, table):
        chat = history.new("a")
        table.before_write = refused(Unavailable("away"))
        with pytest.raises(Unavailable):
            history.append(chat, "b", "c")
        history.append(chat, "d")
        assert history.texts(chat) == ["a", "d"]

    def test_takes_up_to_the_limits_and_names_them_beyond(self, history):
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


class TestNewChats:
    def test_come_first_in_the_list(self, history, clock):
        for title in ("one", "two", "three"):
            history.new(title=title)
            clock.advance(0.001)
        assert history.titles() == ["three", "two", "one"]

    def test_are_seen_by_their_tenant_only(self, history, table, clock):
        rival = History(table, clock, "rival")
        chat = rival.new("secret", title="theirs")
        assert history.titles() == []
        with pytest.raises(ChatNotFound):
            history.texts(chat)
        with pytest.raises(ChatNotFound):
            history.delete(chat)
        assert rival.texts(chat) == ["secret"]

    def test_are_listed_in_pages_that_new_ones_do_not_shift(self, history, table, clock):
        for n in range(5):
            history.new(title=str(n))
            clock.advance(1)
        first = list_chats(table, tenant="acme", limit=2)
        history.new(title="late")
        second = list_chats(table, tenant="acme", limit=2, cursor=first.cursor)
        assert [chat.title for chat in (*first.items, *second.items)] == ["4", "3", "2", "1"]

    def test_keep_title_metadata_and_times(self, history, table, clock):
        metadata = {"t": 0.5, "n": 1, "ok": True, "none": None, "é": "🦙"}
        history.new(title="T", metadata=metadata, ttl_s=60)
        (chat,) = list_chats(table, tenant="acme", limit=1).items
        assert (chat.title, chat.metadata, chat.created_at) == ("T", metadata, clock.now())
        assert chat.expires_at == clock.now() + timedelta(seconds=60)

    def test_whose_answer_was_lost_are_kept_once(self, history, table):
        table.after_write = refused(Throttled("busy"))
        chat = history.new("a", title="once")
        assert (history.titles(), history.texts(chat)) == (["once"], ["a"])

    def test_with_too_much_are_refused(self, history, table):
        with pytest.raises(TooManyMessages):
            history.new(*["x"] * (MAX_MESSAGES + 1))
        with pytest.raises(MetadataTooLarge, match=str(MAX_METADATA_BYTES)):
            history.new(metadata={"x": "x" * MAX_METADATA_BYTES})
        assert rows_left(table) == []
        history.new(*["x"] * MAX_MESSAGES)

    def test_with_a_ttl_vanish_whole(self, history, table, clock):
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


class TestReading:
    @pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
    def test_pages_forward_show_every_message_once(self, history, table, limit):
        chat = history.new(*"abcde")
        seen, cursor = [], None
        while True:
            page = get_messages(table, tenant="acme", chat_id=chat, limit=limit, cursor=cursor)
            assert len(page.items) <= limit
            seen += [message.content for message in page.items]
            if (cursor := page.cursor) is None:
                break
        assert seen == list("abcde")

    def test_a_page_ends_early_rather_than_grow_huge(self, history, table):
        chat = history.new()
        for _ in range(20):
            history.append(chat, "x" * 250_000)
        page = get_messages(table, tenant="acme", chat_id=chat, limit=200)
        assert len(page.items) == 16
        rest = get_messages(table, tenant="acme", chat_id=chat, limit=200, cursor=page.cursor)
        assert (len(rest.items), rest.cursor) == (4, None)

    def test_the_tail_is_the_newest_oldest_first(self, history, table):
        chat = history.new(*"abcde")
        assert [m.content for m in get_tail(table, tenant="acme", chat_id=chat, limit=3)] == ["c", "d", "e"]
        assert len(get_tail(table, tenant="acme", chat_id=chat, limit=200)) == 5

    @pytest.mark.parametrize("read", [get_messages, get_turns, get_tail])
    def test_what_is_not_there_is_not_found(self, table, read):
        with pytest.raises(ChatNotFound, match="/history/list"):
            read(table, tenant="acme", chat_id="nope", limit=1)

    @pytest.mark.parametrize("read", [get_messages, get_turns])
    def test_a_cursor_that_is_none_is_refused(self, history, table, read):
        chat = history.new("a")
        with pytest.raises(InvalidInput, match="cursor"):
            read(table, tenant="acme", chat_id=chat, limit=1, cursor="é")


class TestUpdating:
    def test_changes_what_is_given_and_keeps_the_rest(self, history, table):
        chat = history.new("a", title="old", metadata={"x": 1})
        assert update_chat(table, tenant="acme", chat_id=chat, title="new").metadata == {"x": 1}
        updated = update_chat(table, tenant="acme", chat_id=chat, metadata={})
        assert (updated.title, updated.metadata) == ("new", {})
        assert history.texts(chat) == ["a"]

    def test_that_loses_a_race_is_done_on_top_of_the_winner(self, history, table):
        chat = history.new(title="old")
        table.before_write = lambda _: update_chat(table, tenant="acme", chat_id=chat, metadata={"x": 1})
        updated = update_chat(table, tenant="acme", chat_id=chat, title="new")
        assert (updated.title, updated.metadata) == ("new", {"x": 1})

    def test_that_loses_every_race_gives_up(self, history, table):
        chat = history.new()

        def win(_) -> None:
            table.put(table.get("chat#acme", chat))
            table.before_write = win

        table.before_write = win
        with pytest.raises(Conflict):
            update_chat(table, tenant="acme", chat_id=chat, title="new")

    def test_what_is_not_there_is_not_found(self, table):
        with pytest.raises(ChatNotFound):
            update_chat(table, tenant="acme", chat_id="nope", title="x")

    def test_keeps_the_metadata_limit(self, history, table):
        chat = history.new()
        with pytest.raises(MetadataTooLarge):
            update_chat(table, tenant="acme", chat_id=chat, metadata={"x": "x" * MAX_METADATA_BYTES})


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
