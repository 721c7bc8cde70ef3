"""What the tests of this folder let other processes do: `python -m tests.unit.adapters.local.children WHAT PATH …`.

Each says "ready" when it is, and the interesting ones go on when they are sent a line.
"""

import json
import resource
import sys
from contextlib import closing
from pathlib import Path

from llmanager.adapters.local.home_lock import HomeLock
from llmanager.adapters.local.sqlite_table import SQLiteStore
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.errors import OutOfSpace
from llmanager.kernel.table import Row


def say(word: object) -> None:
    print(json.dumps(word), flush=True)


def write_and_add(path: str, me: str, times: str) -> None:
    """Says which values its adds gave."""
    with closing(SQLiteStore(Path(path), SystemClock())) as store:
        table = store.table("things")
        say("ready")
        sys.stdin.readline()
        values = []
        for n in range(int(times)):
            table.put(Row(f"by-{me}", f"{n:05}", {"n": n}), "absent")
            values.append(table.add("shared", "counter"))
        say(values)


def write_on(path: str, start: str) -> None:
    """Says each number once its row is answered, until it is killed."""
    with closing(SQLiteStore(Path(path), SystemClock())) as store:
        table = store.table("things")
        n = int(start)
        while True:
            table.put(Row("p", f"{n:08}", {"text": "x" * 2000}), "absent")
            say(n)
            n += 1


def fill(path: str, limit_bytes: str) -> None:
    """Writes until files may not grow, then says what was answered and refused; again when they may."""
    with closing(SQLiteStore(Path(path), SystemClock())) as store:
        table = store.table("things")
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit_bytes), hard))
        answered = 0
        try:
            while True:
                table.put(Row("p", f"{answered:05}", {"text": "x" * 20_000}), "absent")
                answered += 1
        except OutOfSpace as error:
            refusal = str(error)
        readable = len(table.query("p", limit=10_000).rows)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        table.put(Row("p", f"{answered:05}"), "absent")
        say({"answered": answered, "refusal": refusal, "readable": readable})


def hold_home(home: str) -> None:
    with HomeLock(Path(home)):
        say("ready")
        sys.stdin.readline()


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    {"write_and_add": write_and_add, "write_on": write_on, "fill": fill, "hold_home": hold_home}[what](*arguments)
