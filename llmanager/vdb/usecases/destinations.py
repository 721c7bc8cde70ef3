"""Where embedded items go: a collection, or a target that keeps them for later. Portion by portion, in order; what is
there already is neither embedded nor written again, so whoever was killed goes on where that was.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from llmanager.kernel.table import MAX_ACTIONS, Put, Table
from llmanager.vdb.chunks import Ended, Portion, chunk_ids
from llmanager.vdb.entities import FLOAT_BYTES, Found, Vectors, Write
from llmanager.vdb.errors import DimensionMismatch
from llmanager.vdb.ingested import (
    Ingested,
    Target,
    document_partition,
    document_row,
    documented_row,
    short,
    target_key,
    target_resource,
    target_row,
    to_ingested,
    to_target,
)
from llmanager.vdb.rows import Key
from llmanager.vdb.segments import Segment
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.create import bind
from llmanager.vdb.usecases.log import SegmentLog
from llmanager.vdb.usecases.read import get_items
from llmanager.vdb.usecases.write import write

DELETED_AT_ONCE = 1000

T = TypeVar("T")
Held = Mapping[str, Found]  # by id


@dataclass(frozen=True)
class Embedded:
    """A portion with the vectors of its items, one each."""

    portion: Portion
    rows: tuple[bytes, ...]
    refused_ids: tuple[str, ...] = ()  # of items that the embedder did not take, and that are not in the portion


class Destination(Protocol):
    def look_up(self, portion: Portion) -> Held:
        """Items with the ids of the portion's, as they are there. Called once for every portion, in order."""

    def put(self, embedded: Embedded, held: Held) -> None:
        """`held` is what `look_up` gave for this portion. Called in order, perhaps after the next look-up."""


class CollectionDestination:
    """A document's row is written last, when all of it is there. While it is on its way the row says how far its chunks
    may reach, so that a shorter version of it always knows what to delete.
    """

    def __init__(self, vdbs: Collections, key: Key, model: str, made_by: str, table: Table) -> None:
        self._vdbs, self._key, self._model, self._made_by, self._table = vdbs, key, model, made_by, table
        self._resource = vdbs.require(key).resource
        self._begun: dict[str, Ingested] = {}  # documents that are on their way
        self._older: dict[str, int] = {}  # how many chunks of theirs may have been there before
        table.put(documented_row(self._resource))

    def begin(self, name: str) -> Ingested:
        """To be called before a document's items come. How far it is."""
        ingested = to_ingested(self._table.get(document_partition(self._resource), short(name)))
        self._begun[name], self._older[name] = ingested, ingested.chunks
        return ingested

    def holds(self, name: str, chunks: int) -> bool:
        """Whether all of a document's chunks are there; users may delete them."""
        ids = list(chunk_ids(name, 0, chunks))
        return all(len(get_items(self._vdbs, self._key, some)) == len(some) for some in _parts(ids, DELETED_AT_ONCE))

    def look_up(self, portion: Portion) -> Held:
        """Nothing before the collection has this embedder: what is there may be of another."""
        ids = [item.id for item in portion.items if item.metadata["chunk"] < self._older[item.source]]
        if not ids or self._vdbs.require(self._key).model != self._model:
            return {}
        return {found.item.id: found for found in get_items(self._vdbs, self._key, ids)}

    def put(self, embedded: Embedded, held: Held) -> None:
        portion = embedded.portion
        self._save(self._reach(portion))
        surplus = [id_ for ended in portion.ended if ended.failure is None for id_ in self._surplus(ended)]
        deleted = [*surplus, *(id_ for id_ in embedded.refused_ids if id_ in held)]
        for some in _parts(deleted[:-DELETED_AT_ONCE], DELETED_AT_ONCE):
            write(self._vdbs, self._key, Write(deleted_ids=tuple(some)))
        put_changed(self._vdbs, self._key, self._model, embedded, held, deleted[-DELETED_AT_ONCE:])
        whole = [ended for ended in portion.ended if ended.failure is None]
        self._save({ended.name: Ingested(ended.chunks, True, ended.digest, self._made_by) for ended in whole})
        for ended in portion.ended:
            del self._begun[ended.name], self._older[ended.name]

    def _reach(self, portion: Portion) -> dict[str, Ingested]:
        """Rows that must be there before the items are."""
        changed: dict[str, Ingested] = {}
        for item in portion.items:
            before = self._begun[item.source]
            behind = int(item.metadata["chunk"]) + 1
            if before.is_whole or behind > before.chunks:
                changed[item.source] = self._begun[item.source] = Ingested(max(before.chunks, behind))
        return changed

    def _surplus(self, ended: Ended) -> Iterator[str]:
        return chunk_ids(ended.name, ended.chunks, self._begun[ended.name].chunks)

    def _save(self, documents: Mapping[str, Ingested]) -> None:
        puts = [Put(document_row(self._resource, name, ingested)) for name, ingested in documents.items()]
        for some in _parts(puts, MAX_ACTIONS):
            self._table.transact(some)


class TargetDestination:
    """Portion n is segment n. Begun anew for another embedder; else rewritten from the first portion that differs."""

    def __init__(self, log: SegmentLog, table: Table, tenant: str, name: str, model: str) -> None:
        self._log, self._resource = log, target_resource(name)
        wanted = Target(model, self._resource)
        if to_target(table.get(*target_key(tenant, name))) != wanted:
            log.drop(self._resource)
            table.put(target_row(tenant, name, wanted))
        self._segments: dict[int, Segment] = {segment.last_seq: segment for segment in log.segments(self._resource)}
        self._looked_up = self._put = 0

    def look_up(self, portion: Portion) -> Held:
        self._looked_up += 1
        segment = self._segments.get(self._looked_up)
        return {} if segment is None else {found.item.id: found for found in self._read(segment)}

    def put(self, embedded: Embedded, held: Held) -> None:
        self._put += 1
        items = embedded.portion.items
        if list(held.values()) != [Found(item, row) for item, row in zip(items, embedded.rows, strict=True)]:
            self._cut(self._put)
            if items:
                self._log.append(self._resource, self._put, Write(items, matrix(embedded.rows)))

    def end(self) -> None:
        """What is behind the last portion is of an earlier time, when there was more."""
        self._cut(self._put + 1)

    def _cut(self, first: int) -> None:
        """From the end, so that what is left is always a beginning."""
        for seq in sorted((seq for seq in self._segments if seq >= first), reverse=True):
            self._log.remove(self._resource, self._segments.pop(seq))

    def _read(self, segment: Segment) -> Iterator[Found]:
        for piece in self._log.read(self._resource, segment):
            yield from found_in(piece)


def put_changed(
    vdbs: Collections, key: Key, model: str | None, embedded: Embedded, held: Held, deleted: Sequence[str] = ()
) -> int:
    """Write what differs from what the collection holds; how many items that was."""
    items = embedded.portion.items
    changed = [n for n, item in enumerate(items) if held.get(item.id) != Found(item, embedded.rows[n])]
    vectors = matrix([embedded.rows[n] for n in changed])
    if vectors is not None:
        bind(vdbs, key, model=model, dim=vectors.dim)
    return write(vdbs, key, Write(tuple(items[n] for n in changed), vectors, tuple(deleted)))


def matrix(rows: Sequence[bytes]) -> Vectors | None:
    """One matrix. Raises DimensionMismatch where some were made by another embedder than the others."""
    if not rows:
        return None
    dims = {len(row) // FLOAT_BYTES for row in rows}
    if len(dims) > 1:
        raise DimensionMismatch(
            f"The embedder gave vectors of {' and of '.join(map(str, sorted(dims)))} dimensions: it was another model "
            "before. Use another database or target for this one.",
            param="model",
        )
    return Vectors(dims.pop(), b"".join(rows))


def found_in(piece: Write) -> Iterator[Found]:
    if piece.vectors is not None:
        for number, item in enumerate(piece.items):
            yield Found(item, piece.vectors.row(number))


def _parts(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (values[start : start + size] for start in range(0, len(values), size))
