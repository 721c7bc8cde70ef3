"""How fast documents become searchable, and how much of that time is not the embedder's.

One text through the real server: MiniLM in its worker, chunks to segments and index. The embedder's own share is
measured in the same run: the same chunks, sent to /v1/embeddings by one caller in the same batches.
"""

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench._server import Server
from example_app.example import DOCUMENT

Row = tuple[str, float | str, str]
CHUNKS = 1500
BATCH = 64


def run() -> Iterator[Row]:
    with served() as server:
        server.ask("/model/create", {"name": "embed", "model": "minilm", "wait_s": 120})
        text = long_text(CHUNKS)
        ingested_s, chunks = ingest(server, text, "corpus")
        again_s, _ = ingest(server, text, "corpus")
        embedded_s = embed_alone(server, "corpus", chunks)
        yield "chunks ingested", str(chunks), ""
        yield "ingestion, chunks/s", chunks / ingested_s, ""
        yield "the embedder alone, chunks/s", chunks / embedded_s, ""
        yield "share of ingestion outside the embedder", max(0.0, 1 - embedded_s / ingested_s), "goal <= 0.15"
        yield "the same text again, time against the first", again_s / ingested_s, "(skipped by its checksum)"


def long_text(chunks: int) -> str:
    """The example's paragraphs in another order each time, until there is text for that many chunks."""
    paragraphs = [p for p in DOCUMENT.read_text(encoding="utf-8").split("\n\n") if len(p) > 200]
    chooser = random.Random(20_261_120)
    said = (f"{number}. {chooser.choice(paragraphs)}" for number in range(chunks))
    return "\n\n".join(said)


def ingest(server: Server, text: str, vdb: str) -> tuple[float, int]:
    """Seconds from the request to the end of its job, and the chunks that the collection then has."""
    content = text.encode()
    server.ask("/vdb/create", {"name": vdb, "model": "embed"})
    _, announced = server.ask("/files", {"filename": f"{vdb}.txt", "bytes": len(content)})
    put(server, announced["put_url"], content)
    began_s = time.monotonic()
    _, job = server.ask("/vdb/embed", {"model": "embed", "src": announced["file_id"], "vdb": vdb})
    job = finished(server, job["job_id"])
    if job["status"] != "done":
        raise RuntimeError(f"ingestion ended as {job['status']}: {job['error']}")
    return time.monotonic() - began_s, server.ask("/vdb/status", {"name": vdb})[1]["count"]


def embed_alone(server: Server, vdb: str, chunks: int) -> float:
    texts: list[str] = []
    cursor = None
    while len(texts) < chunks:
        _, page = server.ask("/vdb/get", {"name": vdb, "limit": 200, "cursor": cursor})
        texts += [item["text"] for item in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    began_s = time.monotonic()
    for start in range(0, len(texts), BATCH):
        status, answer = server.post("/v1/embeddings", {"model": "embed", "input": texts[start : start + BATCH]})
        if status != 200:
            raise RuntimeError(answer.decode())
    return time.monotonic() - began_s


def put(server: Server, url: str, content: bytes) -> None:
    connection = server.connect()
    try:
        connection.request("PUT", url.removeprefix(server.address.geturl()), content)
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(response.read().decode())
    finally:
        connection.close()


def finished(server: Server, job_id: str) -> dict[str, object]:
    while True:
        _, job = server.ask("/jobs/status", {"job_id": job_id, "wait_s": 10})
        if job["status"] in ("done", "failed", "cancelled"):
            return job  # type: ignore[no-any-return]


@contextmanager
def served() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with (home / "stderr.log").open("ab") as errors:
            server = Server(home, errors).ready()
            try:
                yield server
            finally:
                server.stop()
