"""`kill -9` of the server, again and again, while it adds vectors and ingests a document: counts are exact afterwards.

Every acknowledged add is there, whole; an add that was not acknowledged is there whole or not at all; the ingestion
ends with each chunk once, and no chunk that was kept before a kill is embedded after it.
"""

import contextlib
import http.client
import json
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench._server import Server
from bench.ingest import finished, long_text, put
from tests.fakes.openai_engine import OpenAIEngine
from tests.fakes.survivors import survivors

Row = tuple[str, float | str, str]
KILLS, SEED = 20, 20_261_120
DIM, ITEMS_AN_ADD = 16, 3
CHUNKS = 3000
EMBED_S = 0.01  # of the stand-in for an embedder, a text
ADDERS = 3
SETTLE_S = 6.0  # an add that was cut off after it was logged becomes visible by then


class Adder:
    """Adds a few vectors at a time, for ever; remembers what was acknowledged and what nobody knows of."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._number = 0
        self.acknowledged: list[list[str]] = []
        self.unknown: list[list[str]] = []

    def add(self, server: Server) -> None:
        ids = [f"{self._name}-{self._number}-{n}" for n in range(ITEMS_AN_ADD)]
        self._number += 1
        vectors = [[float(hash((id_, n)) % 100) + 1 for n in range(DIM)] for id_ in ids]
        try:
            status, _ = server.post("/vdb/add", {"name": "adds", "ids": ids, "vectors": vectors})
        except (OSError, http.client.HTTPException):
            self.unknown.append(ids)
            time.sleep(0.05)
            return
        (self.acknowledged if status == 200 else self.unknown).append(ids)


def run() -> Iterator[Row]:
    chooser = random.Random(SEED)
    adders = [Adder(f"a{n}") for n in range(ADDERS)]
    with tempfile.TemporaryDirectory() as folder, OpenAIEngine() as engine:
        home = Path(folder)
        engine.embed_s = EMBED_S
        remotes = json.dumps({"stand-in": {"base_url": engine.url, "kind": "embedding"}})
        with (home / "stderr.log").open("ab") as errors:
            server = Server(home, errors, LLMANAGER_REMOTES=remotes).ready()
            job_id = begin(server)
            orphans = embedded_again = 0
            for _ in range(KILLS):
                with adding(server, adders):
                    time.sleep(chooser.uniform(1, 8))
                    kept = chunks_of(server)
                    family = server.kill()
                orphans += len(survivors(family, within_s=5))
                before = len(engine.asked)
                server = Server(home, errors, LLMANAGER_REMOTES=remotes).ready()
                time.sleep(0.2)
                embedded_again += len(kept & texts_in(engine.asked[before:]))
            embedded_again += len(kept & texts_in(engine.asked[before:]))
            job = finished(server, job_id)
            time.sleep(SETTLE_S)
            try:
                yield from rows(server, adders, job, orphans, embedded_again)
            finally:
                server.stop()


def begin(server: Server) -> str:
    server.ask("/model/create", {"name": "embed", "model": "stand-in", "backend": "remote", "kind": "embedding",
                                 "accept_unknown_price": True, "wait_s": 30})  # fmt: skip
    server.ask("/vdb/create", {"name": "adds", "dim": DIM})
    server.ask("/vdb/create", {"name": "corpus", "model": "embed"})
    content = long_text(CHUNKS).encode()
    _, announced = server.ask("/files", {"filename": "corpus.txt", "bytes": len(content)})
    put(server, announced["put_url"], content)
    _, job = server.ask("/vdb/embed", {"model": "embed", "src": announced["file_id"], "vdb": "corpus"})
    return str(job["job_id"])


@contextlib.contextmanager
def adding(server: Server, adders: list[Adder]) -> Iterator[None]:
    is_over = threading.Event()

    def work(adder: Adder) -> None:
        while not is_over.is_set():
            adder.add(server)

    threads = [threading.Thread(target=work, args=(adder,)) for adder in adders]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def rows(server: Server, adders: list[Adder], job: dict[str, object], orphans: int, embedded_again: int) -> list[Row]:
    acknowledged = [ids for adder in adders for ids in adder.acknowledged]
    unknown = [ids for adder in adders for ids in adder.unknown]
    there = set(ids_of(server, "adds"))
    lost = sum(not set(ids) <= there for ids in acknowledged)
    halves = sum(0 < len(set(ids) & there) < len(ids) for ids in unknown)
    whole = sum(set(ids) <= there for ids in unknown)
    count = server.ask("/vdb/status", {"name": "adds"})[1]["count"]
    expected = ITEMS_AN_ADD * (len(acknowledged) - lost + whole)
    chunks, told = ids_of(server, "corpus"), job["result"]
    return [
        ("kills of the server", str(KILLS), ""),
        ("adds acknowledged; cut off", f"{len(acknowledged)}; {len(unknown)}", ""),
        ("acknowledged adds lost", str(lost), "goal 0"),
        ("adds that are there by half", str(halves), "goal 0"),
        ("count told against items there", f"{count} / {len(there)} / {expected}", "equal"),
        ("ingestion after the kills", f"{job['status']}: {told or job['error']}", "done"),
        ("chunks there; of them twice", f"{len(chunks)}; {len(chunks) - len(set(chunks))}", "0 twice"),
        ("chunks kept before a kill and embedded again", str(embedded_again), "goal 0"),
        ("processes that outlived the server by 5 s", str(orphans), "goal 0"),
    ]


def ids_of(server: Server, name: str) -> list[str]:
    return [item["id"] for item in items_of(server, name)]


def chunks_of(server: Server) -> set[str]:
    return {item["text"] for item in items_of(server, "corpus")}


def items_of(server: Server, name: str) -> list[dict[str, str]]:
    items: list[dict[str, str]] = []
    cursor = None
    while True:
        _, page = server.ask("/vdb/get", {"name": name, "limit": 200, "cursor": cursor})
        items += page["items"]
        cursor = page["cursor"]
        if cursor is None:
            return items


def texts_in(asked: list[tuple[str, dict[str, list[str]]]]) -> set[str]:
    return {text for path, body in asked if path == "/v1/embeddings" for text in body["input"]}
