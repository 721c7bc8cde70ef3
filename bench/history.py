"""A long chat costs what a short one does: append and tail-50 at 100,000 messages against the same at 100."""

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from llmanager.adapters.local.sqlite_table import SQLiteStore, SQLiteTable
from llmanager.history.entities import MAX_MESSAGES, Chat, NewMessage
from llmanager.history.usecases.append import append_messages
from llmanager.history.usecases.get import get_tail
from llmanager.history.usecases.new import new_chat
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.ids import random_id

LONG, SHORT = 100_000, 100
TIMES = 400  # of each call on each chat, alternating; the median counts
TEXT = "A message of about the length that people write to a chat model. " * 3


def run() -> list[tuple[str, float | str, str]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(SQLiteStore(Path(folder) / "rows.db", SystemClock())) as store,
    ):
        table = store.table("history")
        short, long = _chat(table, SHORT), _chat(table, LONG)
        tail = _medians_us(lambda chat: get_tail(table, tenant="acme", chat_id=chat.id, limit=50), short, long)
        added = _medians_us(lambda chat: _append(table, chat, 1), short, long)
    return [*_rows("tail-50", tail), *_rows("append", added)]


def _chat(table: SQLiteTable, messages: int) -> Chat:
    chat = new_chat(table, tenant="acme", messages=[], now=SystemClock().now(), new_id=random_id)
    for start in range(0, messages, MAX_MESSAGES):
        _append(table, chat, min(MAX_MESSAGES, messages - start))
    return chat


def _append(table: SQLiteTable, chat: Chat, count: int) -> None:
    said = [NewMessage("user", TEXT)] * count
    append_messages(table, tenant="acme", chat_id=chat.id, messages=said, now=SystemClock().now(), new_id=random_id)


def _medians_us(call: Callable[[Chat], object], short: Chat, long: Chat) -> tuple[float, float]:
    taken: dict[str, list[float]] = {short.id: [], long.id: []}
    for chat in itertools.islice(itertools.cycle((short, long)), 2 * TIMES):
        started = time.perf_counter()
        call(chat)
        taken[chat.id].append(time.perf_counter() - started)
    return statistics.median(taken[short.id]) * 1e6, statistics.median(taken[long.id]) * 1e6


def _rows(what: str, medians_us: tuple[float, float]) -> list[tuple[str, float | str, str]]:
    short, long = medians_us
    return [
        (f"{what} of {SHORT} messages", round(short), "us"),
        (f"{what} of {LONG} messages", round(long), "us"),
        (f"{what}, long against short", round(long / short, 2), "x (goal <= 1.3)"),
    ]


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:32} {value:>12} {unit}")
