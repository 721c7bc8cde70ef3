import pytest

from llmanager.history.entities import MAX_METADATA_BYTES
from llmanager.history.errors import (
    ChatNotFound,
    MetadataTooLarge,
)
from llmanager.history.usecases.update import update_chat
from llmanager.kernel.errors import Conflict


def test_updating_changes_what_is_given_and_keeps_the_rest(history, table):
    chat = history.new("a", title="old", metadata={"x": 1})
    assert update_chat(table, tenant="acme", chat_id=chat, title="new").metadata == {"x": 1}
    updated = update_chat(table, tenant="acme", chat_id=chat, metadata={})
    assert (updated.title, updated.metadata) == ("new", {})
    assert history.texts(chat) == ["a"]


def test_an_update_that_loses_a_race_is_done_on_top_of_the_winner(history, table):
    chat = history.new(title="old")
    table.before_write = lambda _: update_chat(table, tenant="acme", chat_id=chat, metadata={"x": 1})
    updated = update_chat(table, tenant="acme", chat_id=chat, title="new")
    assert (updated.title, updated.metadata) == ("new", {"x": 1})


def test_an_update_that_loses_every_race_gives_up(history, table):
    chat = history.new()

    def win(_) -> None:
        table.put(table.get("chat#acme", chat))
        table.before_write = win

    table.before_write = win
    with pytest.raises(Conflict):
        update_chat(table, tenant="acme", chat_id=chat, title="new")


def test_an_update_of_what_is_not_there_is_not_found(table):
    with pytest.raises(ChatNotFound):
        update_chat(table, tenant="acme", chat_id="nope", title="x")


def test_an_update_keeps_the_metadata_limit(history, table):
    chat = history.new()
    with pytest.raises(MetadataTooLarge):
        update_chat(table, tenant="acme", chat_id=chat, metadata={"x": "x" * MAX_METADATA_BYTES})
