"""A vector database of 100,000 texts on this machine: how quick, how exact, and how it stands many small writes."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from bench._vectors import DIM, Cloud, cloud, exact_ms, times_ms
from llmanager.adapters.local.lancedb_store import LanceDBVectorStore
from llmanager.vdb.entities import MAX_ITEMS_AT_ONCE, Item, Shape, Vectors, Write
from llmanager.vdb.filters import Compare, Filter, Op

COUNT = 100_000
QUERIES = 200
FILTERED_QUERIES = 50
SINGLE_WRITES = 500
K = 10
INDEX = "bench"
TENTH, HUNDREDTH = Compare("group", Op.LT, 10), Compare("group", Op.LT, 1)

Row = tuple[str, float | str, str]

MEMORY = """
import sys
from pathlib import Path
def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 2**20
bare = resident_mib()
from llmanager.adapters.local.lancedb_store import LanceDBVectorStore
loaded = resident_mib()
store = LanceDBVectorStore(Path(sys.argv[1]))
store.stats("bench")
opened = resident_mib()
store.search("bench", bytes([1]) * 4 * int(sys.argv[2]), k=10)
print(bare, loaded, opened, resident_mib())
"""


def run() -> list[Row]:
    made = cloud(COUNT, QUERIES)
    exact = statistics.median(exact_ms(made, K))
    with tempfile.TemporaryDirectory() as folder:
        store = LanceDBVectorStore(Path(folder))
        store.create(INDEX, Shape(DIM))
        rows = [("numpy reads every vector, p50", exact, "ms"), *_filling(store, made)]
        rows += _searching(store, made, exact)
        rows += _small_writes(store, made)
        rows += _texts(store)
        rows += _memory(folder)
    return rows


def _filling(store: LanceDBVectorStore, made: Cloud) -> list[Row]:
    writes = (made.write(start, start + MAX_ITEMS_AT_ONCE) for start in range(0, COUNT, MAX_ITEMS_AT_ONCE))
    wrote_s = sum(_took_s(lambda write=write: store.apply(INDEX, write)) for write in writes)
    flat = statistics.median(_search_ms(store, made.queries[:FILTERED_QUERIES]))
    tended_s = _took_s(lambda: store.tend(INDEX))
    return [
        (f"write {COUNT:,} of {DIM} dimensions", wrote_s, f"s, {MAX_ITEMS_AT_ONCE:,} at a time"),
        ("search before the first tending, p50", flat, "ms"),
        ("tend: compact and index", tended_s, "s"),
        ("on disk", store.stats(INDEX).size_bytes / 2**20, "MiB, old versions too"),
    ]


def _searching(store: LanceDBVectorStore, made: Cloud, exact: float) -> list[Row]:
    taken = _search_ms(store, made.queries)
    p50 = statistics.median(taken)
    rows: list[Row] = [
        ("search, p50", p50, "ms"),
        ("search, p95", statistics.quantiles(taken, n=20)[-1], "ms"),
        ("search, p50 against numpy", p50 / exact, "x"),
        ("recall@10", _recall(store, made, made.queries), "(goal >= 0.95)"),
    ]
    for name, where, groups in (("10 %", TENTH, 10), ("1 %", HUNDREDTH, 1)):
        queries = made.queries[:FILTERED_QUERIES]
        rows += [
            (f"search of a {name} filter, p50", statistics.median(_search_ms(store, queries, where)), "ms"),
            (f"recall@10 of a {name} filter", _recall(store, made, queries, where, groups), "(goal >= 0.95)"),
        ]
    return rows


def _small_writes(store: LanceDBVectorStore, made: Cloud) -> list[Row]:
    fresh = statistics.median(_search_ms(store, made.queries))

    def write(number: int) -> None:
        vector = Vectors(DIM, made.queries[number % QUERIES].tobytes())
        store.apply(INDEX, Write((Item(f"single-{number}", "one", {"group": 1}),), vector))

    wrote_ms = [_took_s(lambda number=number: write(number)) * 1e3 for number in range(SINGLE_WRITES)]
    scattered = statistics.median(_search_ms(store, made.queries))
    tended_s = _took_s(lambda: store.tend(INDEX))
    tended = statistics.median(_search_ms(store, made.queries))
    return [
        ("write of one item, p50 of the first 50", statistics.median(wrote_ms[:50]), "ms"),
        (f"write of one item, p50 of the last 50 of {SINGLE_WRITES}", statistics.median(wrote_ms[-50:]), "ms"),
        (f"search after {SINGLE_WRITES} untended single writes, p50", scattered, "ms"),
        ("tend", tended_s, "s"),
        ("search after tending, p50", tended, "ms"),
        ("search after tending against fresh", tended / fresh, "x (goal <= 1.5)"),
    ]


def _texts(store: LanceDBVectorStore) -> list[Row]:
    taken = [_took_s(lambda n=n: store.search_text(INDEX, f"word{n} word{n + 1}", k=K)) * 1e3 for n in range(QUERIES)]
    return [("text search of two words, p50", statistics.median(taken), "ms")]


def _memory(folder: str) -> list[Row]:
    told = subprocess.run(
        [sys.executable, "-c", MEMORY, folder, str(DIM)], capture_output=True, text=True, check=True
    ).stdout
    bare, loaded, opened, searched = map(int, told.split())
    return [
        ("memory: the module loaded", loaded - bare, "MiB more"),
        ("memory: the database opened", opened - loaded, "MiB more"),
        ("memory: one search", searched - opened, "MiB more"),
    ]


def _search_ms(store: LanceDBVectorStore, queries: np.ndarray, where: Filter | None = None) -> list[float]:
    return times_ms(lambda query: store.search(INDEX, query.tobytes(), k=K, where=where), queries)


def _recall(
    store: LanceDBVectorStore,
    made: Cloud,
    queries: Iterable[np.ndarray],
    where: Filter | None = None,
    groups: int = 100,
) -> float:
    shares = []
    for query in queries:
        found = {hit.item.id for hit in store.search(INDEX, query.tobytes(), k=K, where=where)}
        shares.append(len(found & set(made.nearest(query, K, groups))) / K)
    return statistics.mean(shares)


def _took_s(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:58} {value:>12.4g} {unit}")
