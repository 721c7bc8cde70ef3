"""Collections over the fakes, as one tenant uses them, and a way to look at what is stored behind them."""

import asyncio
import itertools
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from llmanager.kernel.principal import Principal
from llmanager.vdb.conditions import parse
from llmanager.vdb.entities import Collection, Hit, Index, Item, Vectors, Write
from llmanager.vdb.usecases.add import Entry, add
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.create import Creation, create
from llmanager.vdb.usecases.log import SegmentLog
from llmanager.vdb.usecases.query import query
from llmanager.vdb.usecases.read import list_items
from llmanager.vdb.usecases.write import write
from tests.fakes.blobs import FakeBlobs
from tests.fakes.clock import FakeClock
from tests.fakes.exclusive import FakeExclusive
from tests.fakes.table import FakeTable
from tests.fakes.vector_store import FakeVectorStore
from tests.fakes.word_embedder import WordEmbedder

T = TypeVar("T")
DOCS = ("acme", "docs")
OWNER = Principal("acme", "key-1", frozenset({"vdb:read", "vdb:write", "vdb:query"}))
ASKER = Principal("acme", "key-2", frozenset({"vdb:query"}))


async def in_thread(work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work)


@dataclass
class World:
    clock: FakeClock = field(default_factory=FakeClock)
    store: FakeVectorStore = field(default_factory=FakeVectorStore)
    blobs: FakeBlobs = field(default_factory=FakeBlobs)
    embedder: WordEmbedder = field(default_factory=WordEmbedder)
    changed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.table = FakeTable(self.clock)
        self.log = SegmentLog(self.blobs, "vdb")
        self.exclusive = FakeExclusive()
        ids = itertools.count()
        self.vdbs = Collections(
            table=self.table,
            store=self.store,
            log=self.log,
            clock=self.clock,
            new_id=lambda: f"id{next(ids):014d}",
            exclusive=self.exclusive,
            max_collections=10,
            changed=self.changed.append,
        )

    def create(self, name: str = "docs", tenant: str = "acme", **fields: Any) -> Collection:
        return create(self.vdbs, Creation(tenant, name, **fields))

    def write(self, *ids: str, delete: Sequence[str] = (), text: str = "text of {}", **metadata: Any) -> int:
        items = tuple(Item(id_, text.format(id_), metadata) for id_ in ids)
        vectors = rows(*([float(n), 1.0] for n, _ in enumerate(ids))) if ids else None
        return write(self.vdbs, DOCS, Write(items, vectors, tuple(delete)))

    def add(self, *texts: str, caller: Principal = OWNER, **fields: Any) -> tuple[str, ...]:
        entries = fields.pop("entries", None) or [Entry(text) for text in texts]
        return asyncio.run(
            add(self.vdbs, self.embedder, in_thread, caller=caller, name="docs", entries=entries, **fields)
        )

    def query(self, text: str | None = None, caller: Principal = OWNER, **fields: Any) -> tuple[Hit, ...]:
        if "where" in fields:
            fields["where"] = parse(fields["where"])
        return asyncio.run(query(self.vdbs, self.embedder, in_thread, caller=caller, name="docs", text=text, **fields))

    def found(self, text: str | None = None, **fields: Any) -> list[str]:
        return [hit.item.id for hit in self.query(text, **fields)]

    def held(self) -> list[str]:
        """The ids of the collection, as a reader sees them."""
        return [item.id for item in list_items(self.vdbs, DOCS, limit=200).items]

    def collection(self) -> Collection:
        return self.vdbs.require(DOCS)

    def index(self) -> Index:
        return self.vdbs.index(self.collection())

    def damage(self) -> None:
        """The first segment is not what was written."""
        key = next(info.key for info in self.blobs.list("vdb/") if info.key.endswith(".json"))
        manifest = b"".join(self.blobs.read(key))
        self.blobs.put(key, [manifest.replace(b'"sha256": "', b'"sha256": "0')])

    def segments(self) -> int:
        return len(self.log.segments(self.collection().resource))


def rows(*vectors: Sequence[float]) -> Vectors:
    return Vectors(len(vectors[0]), b"".join(struct.pack(f"<{len(v)}f", *v) for v in vectors))


def refused(error: Exception) -> Callable[..., None]:
    """As a fake's hook: what it stands before does not take place, or its answer is lost where it stands after."""

    def hook(*_: object) -> None:
        raise error

    return hook
