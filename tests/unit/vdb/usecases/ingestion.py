"""Ingesting over the fakes, as one tenant does it."""

import itertools
from collections import Counter
from contextlib import nullcontext
from typing import Any

from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import Found, Item
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.create import Creation, create
from llmanager.vdb.usecases.ingest import Ingestion, Order, ingest
from llmanager.vdb.usecases.load import load
from llmanager.vdb.usecases.log import SegmentLog
from llmanager.vdb.usecases.read import get_items, list_items
from tests.fakes.blobs import FakeBlobs
from tests.fakes.clock import FakeClock
from tests.fakes.documents import FakeDocuments, FakeEmbed, LineReader, LineSplitter
from tests.fakes.table import FakeTable
from tests.fakes.vector_store import FakeVectorStore

OWNER = Principal("acme", "key-1", frozenset({"model:query"}))
DOCS = ("acme", "docs")


class IngestWorld:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.blobs, self.store, self.documents = FakeBlobs(), FakeVectorStore(), FakeDocuments()
        self.embed = FakeEmbed()
        self.table = FakeTable(self.clock)
        self.told: list[tuple[int, int | None, str, str]] = []
        ids = itertools.count()
        self.vdbs = Collections(
            table=FakeTable(self.clock),
            store=self.store,
            log=SegmentLog(self.blobs, "vdb"),
            clock=self.clock,
            new_id=lambda: f"id{next(ids):014}",
            exclusive=lambda _: nullcontext(),
        )
        self.tools = Ingestion(
            vdbs=self.vdbs,
            table=self.table,
            source=self.documents,
            reader=LineReader(),
            splitter=LineSplitter(),
            embed=self.embed,
            embedded=lambda tenant: SegmentLog(self.blobs, f"embedded/{tenant}"),
        )
        create(self.vdbs, Creation(*DOCS))

    def add(self, name: str, *lines: str) -> None:
        self.documents.files["acme", name] = "".join(f"{line}\n" for line in lines).encode()

    def ingest(self, src: str = "", **fields: Any) -> dict[str, Any]:
        given = {"vdb": "docs"} if "target" not in fields else {}
        order = Order(**{"model": "minilm", "src": src, **given, **fields})
        return ingest(self.tools, caller=OWNER, order=order, tell=self.tell)

    def load(self, src: str) -> dict[str, Any]:
        return load(self.tools, caller=OWNER, name="docs", src=src, tell=self.tell)

    def tell(self, done: int, total: int | None, unit: str, stage: str) -> None:
        self.told.append((done, total, unit, stage))

    def items(self, name: str = "docs") -> list[Item]:
        page = list_items(self.vdbs, ("acme", name), limit=100_000)
        assert page.cursor is None
        return list(page.items)

    def texts(self) -> list[str]:
        return [item.text for item in self.items()]

    def found(self, *ids: str) -> tuple[Found, ...]:
        return get_items(self.vdbs, DOCS, ids)

    def segments(self) -> int:
        return len(self.vdbs.log.segments(self.vdbs.require(DOCS).resource))

    def embedded(self) -> Counter[str]:
        """How often each text was embedded since the last time."""
        counted = Counter(self.embed.texts)
        self.embed.texts.clear()
        return counted
