"""10,000 vectors in a real OpenSearch on this machine beside LanceDB, in one run: writes, searches, recall."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench._vectors import DIM, Cloud, cloud, times_ms
from llmanager.adapters.aws.opensearch_http import OpenSearch, http_session, unsigned
from llmanager.adapters.aws.opensearch_kind import Kind, Patience
from llmanager.adapters.aws.opensearch_store import OpenSearchVectorStore
from llmanager.adapters.local.lancedb_store import LanceDBVectorStore
from llmanager.kernel.clock import SystemClock
from llmanager.vdb.entities import MAX_ITEMS_AT_ONCE, Shape, Write
from llmanager.vdb.filters import Compare, Op
from llmanager.vdb.ports import VectorStore
from tools.opensearch_server import Absent, running

COUNT = 10_000
QUERIES = 200
SINGLE_WRITES = 50
K = 10
INDEX = "bench"
TENTH = Compare("group", Op.LT, 10)

Row = tuple[str, float | str, str]


def run() -> list[Row]:
    made = cloud(COUNT, QUERIES)
    with tempfile.TemporaryDirectory() as folder:
        rows = list(_measured("LanceDB", LanceDBVectorStore(Path(folder, "lance")), made))
        try:
            started_s = time.perf_counter()
            with running(Path(folder, "opensearch")) as server:
                rows.append(("OpenSearch: start", time.perf_counter() - started_s, "s"))
                rows += _measured("OpenSearch", _store(server.url), made)
                rows.append(("OpenSearch: memory", _resident_mib(server.process.pid), "MiB resident"))
        except Absent as absent:
            rows.append(("OpenSearch", "absent", str(absent)))
        return rows


def _store(url: str) -> VectorStore:
    patience = Patience()
    http = OpenSearch(url, http_session(patience), unsigned, SystemClock(), patience=patience)
    return OpenSearchVectorStore(http, Kind.OPEN, "lm-bench-", SystemClock())


def _measured(name: str, store: VectorStore, made: Cloud) -> Iterator[Row]:
    store.create(INDEX, Shape(DIM))
    writes = [made.write(start, start + MAX_ITEMS_AT_ONCE) for start in range(0, COUNT, MAX_ITEMS_AT_ONCE)]
    yield f"{name}: write {COUNT:,} x {DIM}", sum(_took_s(store, write) for write in writes), "s"
    store.tend(INDEX)
    for query in made.queries[:50]:  # Java compiles what is called often
        store.search(INDEX, query.tobytes(), k=K)
    taken = times_ms(lambda query: store.search(INDEX, query.tobytes(), k=K), made.queries)
    yield f"{name}: search, p50", statistics.median(taken), "ms"
    yield f"{name}: search, p95", statistics.quantiles(taken, n=20)[-1], "ms"
    yield f"{name}: recall@{K}", _recall(store, made), "(goal >= 0.95)"
    filtered = times_ms(lambda query: store.search(INDEX, query.tobytes(), k=K, where=TENTH), made.queries)
    yield f"{name}: search of a 10 % filter, p50", statistics.median(filtered), "ms"
    words = [_ms(lambda n=n: store.search_text(INDEX, f"word{n} word{n + 1}", k=K)) for n in range(QUERIES)]
    yield f"{name}: text search of two words, p50", statistics.median(words), "ms"
    singles = [1e3 * _took_s(store, made.write(n, n + 1)) for n in range(SINGLE_WRITES)]
    yield f"{name}: replace one item, p50", statistics.median(singles), "ms"


def _recall(store: VectorStore, made: Cloud) -> float:
    found = ({hit.item.id for hit in store.search(INDEX, query.tobytes(), k=K)} for query in made.queries)
    wanted = (set(made.nearest(query, K)) for query in made.queries)
    return statistics.mean(len(one & other) / K for one, other in zip(found, wanted, strict=True))


def _took_s(store: VectorStore, write: Write) -> float:
    return _ms(lambda: store.apply(INDEX, write)) / 1e3


def _ms(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1e3


def _resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20
