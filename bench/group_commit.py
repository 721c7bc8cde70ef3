"""Durable single puts by 32 threads through the one writer, against the same number of commits one at a time.

"One at a time" is plain SQLite (WAL, FULL, one INSERT a commit, no table port on top): the fairest rival. The gain
grows with what a commit costs, so that is told too: Python's threads top out at some 10,000 puts/s on two cores, and
where a flush takes 0.15 ms plain SQLite comes near that by itself.
"""

import sqlite3
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from llmanager.adapters.local.sqlite_table import SQLiteStore
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.table import Row

THREADS = 32
PUTS = 6400
ROUNDS = 3  # of both, alternating; the best of each counts
BODY = {"text": "x" * 200}


def run() -> list[tuple[str, float | str, str]]:
    alone, together = [], []
    for _ in range(ROUNDS):
        alone.append(_rate(_one_at_a_time))
        together.append(_rate(_by_threads))
    return [
        ("commits one at a time", round(max(alone)), "puts/s"),
        ("one such commit", round(1000 / max(alone), 2), "ms"),
        (f"puts by {THREADS} threads", round(max(together)), "puts/s"),
        ("group commit gains", round(max(together) / max(alone), 1), "x (goal >= 8, where a commit takes >= 2 ms)"),
    ]


def _rate(write: Callable[[Path], float]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return PUTS / write(Path(folder) / "rows.db")


def _one_at_a_time(path: Path) -> float:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE rows (sort TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID")
        started = time.perf_counter()
        for n in range(PUTS):
            connection.execute("INSERT INTO rows VALUES (?, ?)", (f"{n:08}", BODY["text"]))
        return time.perf_counter() - started


def _by_threads(path: Path) -> float:
    with closing(SQLiteStore(path, SystemClock())) as store, ThreadPoolExecutor(THREADS) as pool:
        table = store.table("bench")

        def put_some(thread: int) -> None:
            for n in range(PUTS // THREADS):
                table.put(Row(f"p{thread}", f"{n:08}", BODY))

        started = time.perf_counter()
        list(pool.map(put_some, range(THREADS)))
        return time.perf_counter() - started


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:32} {value:>12} {unit}")
