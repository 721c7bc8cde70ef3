import pytest

from llmanager.history.errors import (
    ChatNotFound,
)
from llmanager.history.usecases.get import get_messages, get_tail, get_turns
from llmanager.kernel.errors import InvalidInput


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
def test_pages_forward_show_every_message_once(history, table, limit):
    chat = history.new(*"abcde")
    seen, cursor = [], None
    while True:
        page = get_messages(table, tenant="acme", chat_id=chat, limit=limit, cursor=cursor)
        assert len(page.items) <= limit
        seen += [message.content for message in page.items]
        if (cursor := page.cursor) is None:
            break
    assert seen == list("abcde")


def test_a_page_ends_early_rather_than_grow_huge(history, table):
    chat = history.new()
    for _ in range(20):
        history.append(chat, "x" * 250_000)
    page = get_messages(table, tenant="acme", chat_id=chat, limit=200)
    assert len(page.items) == 16
    rest = get_messages(table, tenant="acme", chat_id=chat, limit=200, cursor=page.cursor)
    assert (len(rest.items), rest.cursor) == (4, None)


def test_the_tail_is_the_newest_oldest_first(history, table):
    chat = history.new(*"abcde")
    assert [m.content for m in get_tail(table, tenant="acme", chat_id=chat, limit=3)] == ["c", "d", "e"]
    assert len(get_tail(table, tenant="acme", chat_id=chat, limit=200)) == 5


@pytest.mark.parametrize("read", [get_messages, get_turns, get_tail])
def test_what_is_not_there_is_not_found(table, read):
    with pytest.raises(ChatNotFound, match="/history/list"):
        read(table, tenant="acme", chat_id="nope", limit=1)


@pytest.mark.parametrize("read", [get_messages, get_turns])
def test_a_cursor_that_no_list_gave_out_is_refused(history, table, read):
    chat = history.new("a")
    with pytest.raises(InvalidInput, match="cursor"):
        read(table, tenant="acme", chat_id=chat, limit=1, cursor="é")
