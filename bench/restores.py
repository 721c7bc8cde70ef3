"""Hibernate and restore, again and again: no vector may be lost, and how long each takes."""

import random
import statistics
import time
from collections.abc import Iterator

from bench._server import Server
from bench.ingest import served

Row = tuple[str, float | str, str]
CYCLES, ITEMS, DIM = 1000, 200, 64
CHANGE_EVERY = 10  # cycles: an item is replaced, one is deleted, one is new


def run() -> Iterator[Row]:
    chooser = random.Random(20_261_120)
    lost, times_s = 0, []
    with served() as server:
        server.ask("/vdb/create", {"name": "cycles", "dim": DIM})
        kept = {f"i{n}": vector(chooser) for n in range(ITEMS)}
        add(server, kept)
        for cycle in range(CYCLES):
            if cycle % CHANGE_EVERY == 0:
                change(server, kept, cycle, chooser)
            began_s = time.monotonic()
            must(server, "/vdb/hibernate", {"name": "cycles"})
            # By name and by the first query in turn.
            if cycle % 2:
                must(server, "/vdb/restore", {"name": "cycles"})
            probe = chooser.choice(list(kept))
            found = must(server, "/vdb/query", {"name": "cycles", "vector": kept[probe], "k": 1})["results"]
            times_s.append(time.monotonic() - began_s)
            count = must(server, "/vdb/status", {"name": "cycles"})["count"]
            lost += (count != len(kept)) + (found[0]["id"] != probe)
        missing = len(kept) - len(all_ids(server) & set(kept))
    yield "cycles", str(CYCLES), ""
    yield "cycles after which the count or an answer was wrong", str(lost), "goal 0"
    yield "vectors missing at the end", str(missing), "goal 0"
    yield f"hibernate, restore and query of {ITEMS} vectors (s), p50", statistics.median(times_s), ""


def change(server: Server, kept: dict[str, list[float]], cycle: int, chooser: random.Random) -> None:
    gone, replaced, new = chooser.choice(list(kept)), chooser.choice(list(kept)), f"n{cycle}"
    del kept[gone]
    must(server, "/vdb/delete_items", {"name": "cycles", "ids": [gone]})
    changed = {name: vector(chooser) for name in {replaced, new} - {gone}}
    kept.update(changed)
    add(server, changed)


def add(server: Server, items: dict[str, list[float]]) -> None:
    must(server, "/vdb/add", {"name": "cycles", "ids": list(items), "vectors": list(items.values())})


def all_ids(server: Server) -> set[str]:
    ids: set[str] = set()
    cursor = None
    while True:
        page = must(server, "/vdb/get", {"name": "cycles", "limit": 200, "cursor": cursor})
        ids |= {item["id"] for item in page["items"]}
        cursor = page["cursor"]
        if cursor is None:
            return ids


def must(server: Server, path: str, body: dict[str, object]) -> dict[str, object]:
    status, answer = server.ask(path, body)
    if status not in (200, 202):
        raise RuntimeError(f"{path}: {status} {answer}")
    return answer  # type: ignore[no-any-return]


def vector(chooser: random.Random) -> list[float]:
    return [chooser.gauss(0, 1) for _ in range(DIM)]
