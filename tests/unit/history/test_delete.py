import pytest

from llmanager.history.errors import (
    ChatNotFound,
)
from llmanager.history.usecases.sweep import sweep_chats
from llmanager.kernel.errors import Unavailable
from tests.unit.history.calls import refused, rows_left


def test_deleting_removes_every_row(history, table):
    chat = history.new("a")
    for _ in range(3):
        history.append(chat, *["x"] * 90)
    history.delete(chat)
    assert rows_left(table) == []


def test_deleting_twice_is_not_found(history):
    chat = history.new("a")
    history.delete(chat)
    with pytest.raises(ChatNotFound):
        history.delete(chat)


def test_deleting_leaves_other_chats_alone(history):
    kept, chat = history.new("a"), history.new("b")
    history.delete(chat)
    assert history.texts(kept) == ["a"]


def test_a_delete_that_is_interrupted_reads_as_done_and_is_finished_by_the_sweep(history, table):
    chat = history.new("a", "b", title="gone")
    table.after_write = lambda _: setattr(table, "before_write", refused(Unavailable("away")))
    history.delete(chat)
    assert history.titles() == []
    with pytest.raises(ChatNotFound):
        history.append(chat, "c")
    assert rows_left(table) != []
    assert sweep_chats(table) == 1
    assert rows_left(table) == []
    assert sweep_chats(table) == 0
