"""What other processes do to a vector store: `python -m tests.unit.adapters.local.vector_children WHAT ROOT …`.

Each says "ready" when it is, and goes on when it is sent a line.
"""

import contextlib
import json
import sys
from pathlib import Path

from llmanager.adapters.local.lancedb_store import LanceDBVectorStore
from llmanager.kernel.errors import Throttled
from llmanager.vdb.entities import Item
from tests.contracts.vector_store.samples import ids, row, upsert

INDEX = "shared"
PER_WRITE = 5


def say(word: object) -> None:
    print(json.dumps(word), flush=True)


def take_turns(root: str, me: str, times: str) -> None:
    """Writes ids that the others write too, and its own; deletes, reads, tends. Says what it saw amiss."""
    store = LanceDBVectorStore(Path(root))
    say("ready")
    sys.stdin.readline()
    amiss = []
    for n in range(int(times)):
        mine, gone = f"{me}-{n}", (f"{me}-{n - 1}",) if n % 5 == 4 else ()
        store.apply(INDEX, upsert(Item(f"both-{n}", me), Item(mine, "word", {f"{me} {n % 3}": n}), deleted_ids=gone))
        listed = ids(store.list(INDEX, limit=10_000))
        if mine not in listed or len(listed) != len(set(listed)) or set(gone) & set(listed):
            amiss.append(f"{me} after write {n}: {listed}")
        if mine not in ids(store.search_text(INDEX, "word", k=10_000)):
            amiss.append(f"{me} after write {n}: not in its text search")
        if n % 10 == 9:
            with contextlib.suppress(Throttled):  # others are quicker: some other time
                store.tend(INDEX)
    say(amiss)


def write_on(root: str, start: str) -> None:
    """Each write brings PER_WRITE items and takes those before them. Says its number once it is answered."""
    store = LanceDBVectorStore(Path(root))
    number = int(start)
    say("ready")
    while True:
        items = [Item(f"{number:05}-{n}", "word " * 200, {"number": number}) for n in range(PER_WRITE)]
        gone = tuple(f"{earlier:05}-{n}" for earlier in range(max(0, number - 3), number) for n in range(PER_WRITE))
        store.apply(INDEX, upsert(*items, vectors=[row(number, n, 1) for n in range(PER_WRITE)], deleted_ids=gone))
        say(number)
        number += 1
        if number % 7 == 0:
            store.tend(INDEX)


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    {"take_turns": take_turns, "write_on": write_on}[what](*arguments)
