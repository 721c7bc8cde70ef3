"""Ingesting on real parts: child processes, SQLite, segments on this disk, LanceDB; only the embedder is a stand-in.

It takes a known time a text, waiting as for a server. What the pipeline adds to that is told as its share of the whole,
and, with an embedder that takes no time, as its own time a chunk. Memory is that of this process, which holds no text.
"""

import resource
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from llmanager.adapters.local.sqlite_table import SQLiteStore
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import Vectors
from llmanager.vdb.usecases.create import Creation, create
from llmanager.vdb.usecases.ingest import Order, ingest
from tests.fakes.ingesting import made

CALLER = Principal("bench", "bench", frozenset())
DIM = 384
SENTENCE = "The quick brown fox number {} jumps over the lazy dog and runs into the forest. "
RATES = (30, 250)  # texts a second, of a small model on two cores and on a better machine
CHUNKS = 600
LARGE_MIB = 40


class SlowEmbedder:
    """One text after the other, as one replica: concurrent calls wait for each other."""

    def __init__(self, seconds_a_text: float) -> None:
        self.seconds_a_text = seconds_a_text
        self.busy_s = 0.0
        self._lock = threading.Lock()

    def __call__(self, caller: Principal, model: str, texts: Sequence[str], /, check: object) -> Vectors:
        with self._lock:
            begun = time.perf_counter()
            time.sleep(self.seconds_a_text * len(texts))
            self.busy_s += time.perf_counter() - begun
        return Vectors(DIM, b"\0\0\x80\x3f" * DIM * len(texts))


def run() -> list[tuple[str, float | str, str]]:
    rows: list[tuple[str, float | str, str]] = []
    for rate in RATES:
        embedder = SlowEmbedder(1 / rate)
        chunks, whole_s, _ = measured(embedder, large_text(CHUNKS * 1000))
        share = 1 - embedder.busy_s / whole_s
        rows.append((f"{rate} texts/s: chunks a second, all in all", chunks / whole_s, ""))
        rows.append((f"{rate} texts/s: share of time that is not embedding", share, "goal <= 0.15"))
    chunks, whole_s, _ = measured(SlowEmbedder(0), large_text(20 * CHUNKS * 1000))
    rows.append(("own time a chunk, a long text (ms)", 1000 * whole_s / chunks, "goal < 1"))
    chunks, whole_s, _ = measured(SlowEmbedder(0), {f"{n}.txt": [sentences(900)] for n in range(200)})
    rows.append(("own time a document, 200 short ones (ms)", 1000 * whole_s / chunks, ""))
    chunks, whole_s, grown = measured(SlowEmbedder(0), large_text(LARGE_MIB * 2**20))
    rows.append((f"{LARGE_MIB} MiB of text: seconds", whole_s, ""))
    rows.append((f"{LARGE_MIB} MiB of text: peak memory beyond the parts above (MiB)", grown, ""))
    return rows


def measured(embedder: SlowEmbedder, files: Mapping[str, Iterable[str]]) -> tuple[int, float, float]:
    """Chunks, seconds, MiB by which the peak of this process grew."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "docs").mkdir()
        for name, parts in files.items():
            with (home / "docs" / name).open("w") as file:
                file.writelines(parts)
        with closing(SQLiteStore(home / "rows.sqlite", SystemClock())) as rows:
            tools = made(home, rows, embedder)
            create(tools.vdbs, Creation(CALLER.tenant, "docs"))
            before, begun = peak_mib(), time.perf_counter()
            order = Order("stand-in", "folder:", vdb="docs")
            result = ingest(tools, caller=CALLER, order=order, tell=lambda *_: None)
            whole_s = time.perf_counter() - begun
    assert result["failures"] == 0, result
    return result["chunks"], whole_s, peak_mib() - before


def large_text(size: int) -> dict[str, Iterable[str]]:
    step = min(size, 2**20)
    return {"large.txt": (sentences(step, start) for start in range(0, size, step))}


def sentences(size: int, start: int = 0) -> str:
    count = size // len(SENTENCE)
    return "".join(SENTENCE.format(start + n) + ("\n\n" if n % 9 == 8 else "") for n in range(count))


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
