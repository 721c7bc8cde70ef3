"""Ingesting on real parts in a process of its own, to be killed. Its embedder writes down what it was asked for.

`python -m tests.fakes.ingesting HOME` ingests HOME/docs into the database "docs". Each time it tells how far it is,
that is a line on stdout.
"""

import sys
from collections.abc import Sequence
from contextlib import closing, nullcontext
from pathlib import Path

from llmanager.adapters.documents.reader import ChildDocumentReader
from llmanager.adapters.documents.splitter import BorderSplitter
from llmanager.adapters.local.file_blobs import FileBlobs
from llmanager.adapters.local.folder_source import FolderSource
from llmanager.adapters.local.lancedb_store import LanceDBVectorStore
from llmanager.adapters.local.sqlite_table import SQLiteStore
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.ids import random_id
from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import Vectors
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.create import Creation, create
from llmanager.vdb.usecases.ingest import Ingestion, Order, ingest
from llmanager.vdb.usecases.log import SegmentLog
from tests.fakes.documents import vector_of

CALLER = Principal("acme", "key-1", frozenset())
KEY = ("acme", "docs")


def made(home: Path, rows: SQLiteStore) -> Ingestion:
    blobs = FileBlobs(home / "blobs")

    def embed(caller: Principal, model: str, texts: Sequence[str]) -> Vectors:
        with (home / "embedded.log").open("a") as log:
            log.write("".join(f"{text}\n" for text in texts))
        return Vectors(4, b"".join(map(vector_of, texts)))

    vdbs = Collections(
        table=rows.table("vdb"),
        store=LanceDBVectorStore(home / "vectors"),
        log=SegmentLog(blobs, "vdb"),
        clock=SystemClock(),
        new_id=random_id,
        exclusive=lambda _: nullcontext(),
    )
    return Ingestion(
        vdbs=vdbs,
        table=rows.table("documents"),
        source=FolderSource(home / "docs"),
        reader=ChildDocumentReader(home),
        splitter=BorderSplitter(),
        embed=embed,
        embedded=lambda tenant: SegmentLog(blobs, f"embedded/{tenant}"),
    )


def tell(done: int, total: int | None, unit: str, stage: str) -> None:
    print(f"{done} {unit}", flush=True)


def main(home: Path) -> None:
    with closing(SQLiteStore(home / "rows.sqlite", SystemClock())) as rows:
        tools = made(home, rows)
        if tools.vdbs.find(KEY) is None:
            create(tools.vdbs, Creation(*KEY))
        print(ingest(tools, caller=CALLER, order=Order("minilm", "folder:", vdb="docs"), tell=tell), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
