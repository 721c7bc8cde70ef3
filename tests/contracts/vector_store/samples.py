"""Every VectorStore there is, ready for the conformance suite, and writes for it. A new adapter adds its line."""

import struct
from collections.abc import Callable
from pathlib import Path

from llmanager.adapters.local.lancedb_store import LanceDBVectorStore
from llmanager.vdb.entities import Item, Shape, Vectors, Write
from llmanager.vdb.ports import VectorStore
from tests.fakes.vector_store import FakeVectorStore
from tests.opensearch import open_store

ADAPTERS: dict[str, Callable[[Path], VectorStore]] = {
    "fake": lambda _: FakeVectorStore(),
    "lancedb": LanceDBVectorStore,
    "opensearch": lambda _: open_store(),
}


def row(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


def floats(vector: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(vector) // 4}f", vector)


def upsert(*items: Item, vectors: list[bytes] | None = None, deleted_ids: tuple[str, ...] = ()) -> Write:
    """Without `vectors` every item gets (1, 0, 0)."""
    rows = vectors or [row(1, 0, 0)] * len(items)
    return Write(items, Vectors(len(rows[0]) // 4, b"".join(rows)) if rows else None, deleted_ids)


def delete(*ids: str) -> Write:
    return Write(deleted_ids=ids)


def ids(found) -> list[str]:
    """Of hits, items, or items with their vectors."""
    return [getattr(one, "item", one).id for one in found]


SHAPE = Shape(3)
A, B, C = Item("a"), Item("b"), Item("c")
NEAR_A = [row(1, 0, 0), row(0.9, 0.1, 0), row(0, 1, 0)]  # from near to far
HOSTILE = [
    "'",
    '"',
    "`",
    "\\",
    "' OR 1=1 --",
    "a\x00b",
    "${x}",
    "%",
    "_",
    "\n",
    "🦙",
    "\u202e",
    "', DROP TABLE x",
    "NULL",
]
