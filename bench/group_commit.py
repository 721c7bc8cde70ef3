"""Durable single puts by 32 threads through the one writer, against the same number of commits one at a time.

"One at a time" is plain SQLite (WAL, FULL, one INSERT a commit, no port on top): the hardest rival. What there is to
gain is the flush, so it is measured twice: on this disk as it is, and with every commit of both sides made 2 ms longer,
as on a disk without a write cache. Python's threads hand over some 10,000 puts a second at best, whatever the disk.
"""

import sqlite3
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from llmanager.adapters.local.sqlite_file import Readers, prepare
from llmanager.adapters.local.sqlite_table import SQLiteTable
from llmanager.adapters.local.sqlite_writer import GroupCommitWriter
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.table import Row

THREADS = 32
ROUNDS = 3  # of both, alternating; the best of each counts
BODY = {"text": "x" * 200}
SLOW_FLUSH_S = 0.002


class SlowFlush(sqlite3.Connection):
    """Every commit takes 2 ms longer, in which other threads go on, as they do while a disk flushes."""

    def execute(self, sql, *arguments):
        done = super().execute(sql, *arguments)
        if sql == "COMMIT":
            time.sleep(SLOW_FLUSH_S)
        return done


def run() -> list[tuple[str, float | str, str]]:
    rows: list[tuple[str, float | str, str]] = []
    for disk, kind, puts in (("this disk", sqlite3.Connection, 6400), ("2 ms flush", SlowFlush, 1600)):
        alone, together = [], []
        for _ in range(ROUNDS):
            alone.append(rate(one_at_a_time, kind, puts))
            together.append(rate(by_threads, kind, puts))
        rows += [
            (f"{disk}: one commit (ms)", 1000 / max(alone), ""),
            (f"{disk}: commits one at a time (/s)", max(alone), ""),
            (f"{disk}: puts by {THREADS} threads (/s)", max(together), ""),
            (f"{disk}: group commit gains (x)", max(together) / max(alone), "goal >= 8 where the flush is what costs"),
        ]
    return rows


def rate(write, kind, puts: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.sqlite"
        prepare(path)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=kind)
        connection.execute("PRAGMA synchronous = FULL")
        return puts / write(path, connection, puts)


def one_at_a_time(_: Path, connection: sqlite3.Connection, puts: int) -> float:
    with closing(connection):
        connection.execute("CREATE TABLE plain (sort TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID")
        started = time.perf_counter()
        for n in range(puts):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO plain VALUES (?, ?)", (f"{n:08}", BODY["text"]))
            connection.execute("COMMIT")
        return time.perf_counter() - started


def by_threads(path: Path, connection: sqlite3.Connection, puts: int) -> float:
    writer, readers = GroupCommitWriter(connection, lambda: None), Readers(path)
    with closing(readers), closing(writer), ThreadPoolExecutor(THREADS) as pool:
        table = SQLiteTable("bench", writer, readers, SystemClock())

        def put_some(thread: int) -> None:
            for n in range(puts // THREADS):
                table.put(Row(f"p{thread}", f"{n:08}", BODY))

        started = time.perf_counter()
        list(pool.map(put_some, range(THREADS)))
        return time.perf_counter() - started
