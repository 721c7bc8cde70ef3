"""How a write becomes visible whole, or not at all: see opensearch_marker.py."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from llmanager.adapters.aws import opensearch_queries as queries
from llmanager.adapters.aws.opensearch_documents import Batch, batch, is_searchable, line, written
from llmanager.adapters.aws.opensearch_index import THERE, TRIES, Indexes
from llmanager.adapters.aws.opensearch_marker import (
    MAX_WRITE_S,
    Marker,
    doc_id,
    document,
    new_seq,
    residue,
)
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import InvalidInput, Retryable, Throttled, Unavailable
from llmanager.vdb.entities import MAX_FIELDS, Write
from llmanager.vdb.errors import DimensionMismatch, IndexMissing, WriteUnsettled

_COMMIT: Final = "make a write visible"


class Writes:
    def __init__(self, indexes: Indexes, clock: Clock) -> None:
        self._indexes, self._clock = indexes, clock

    def apply(self, name: str, write: Write) -> None:
        """Raises WriteUnsettled where it may be visible or not; whatever else is raised, nothing of it is."""
        wanted = batch(write)
        marker = self._indexes.newest(name)
        check(marker, write, wanted)
        if not wanted.touched:
            return
        started = self._clock.now()
        seq = new_seq(started)
        self._indexes.deleted(name, marker.dead)
        self._indexes.sent(name, self._in_time(started, written(wanted, seq, marker.shape)), what="write")
        self._indexes.refreshed(name)
        self._await_versions(name, seq, len(wanted.items))
        made = self._committed(name, wanted, seq, started)
        with suppress(Retryable):  # the next write does it too
            self._indexes.deleted(name, [doc_id(made.n - 2)])

    def tend(self, name: str) -> None:
        """Remove what no longer counts, and shorten the marker."""
        marker = self._indexes.newest(name)
        base = marker.foldable(self._clock.now())
        self._indexes.deleted(name, marker.dead)
        if base is not None:
            self._indexes.deleted(name, self._indexes.ids(name, residue(marker, base)))
        self._indexes.refreshed(name)
        if base is not None and self._indexes.count(name, residue(marker, base)):
            base = None  # the next tending goes on
        dead = self._indexes.present(name, marker.dead)
        if base is not None or dead != marker.dead:
            self._create(name, marker.tidied(dead, marker.base if base is None else base))

    def begin(self, name: str, marker: Marker) -> None:
        """The first marker of an index that has none. There already is fine."""
        self._create(name, marker)
        if not self._indexes.http.until(lambda: self._sees(name, marker)):
            raise Unavailable("OpenSearch made the index but did not show it in time. Try again.", retry_after_s=10.0)

    def _committed(self, name: str, wanted: Batch, seq: int, started: datetime) -> Marker:
        for _ in range(TRIES):
            self._check_time(started)
            marker = self._indexes.newest(name)
            check_fields(marker, wanted)
            dead = (*self._indexes.present(name, marker.dead), *self._versions(name, wanted.touched))
            undirected = any(not is_searchable(vector, marker.shape.metric) for vector in wanted.vectors)
            made = marker.after(seq, dead, wanted.fields, has_undirected=undirected)
            if self._settled(name, made, seq):
                return made
        raise Throttled("Other writers keep the vector database busy. Try again soon.")

    def _settled(self, name: str, made: Marker, seq: int) -> bool:
        """False: another writer's marker is there, so that this one has to be made anew."""
        try:
            is_ours = self._create(name, made)
            if not self._indexes.http.until(lambda: self._sees(name, made)):
                raise WriteUnsettled()
        except IndexMissing:
            raise
        except Retryable as error:
            raise WriteUnsettled() from error
        return is_ours or seq in self._indexes.newest(name).seqs  # the answer to a first attempt may have been lost

    def _create(self, name: str, marker: Marker) -> bool:
        """False: one of this number is there."""
        lines = [line("create", marker.doc_id, document(marker))]
        (status,) = self._indexes.sent(name, lines, what=_COMMIT, may_fail=(THERE,))
        self._indexes.refreshed(name)
        return status != THERE

    def _sees(self, name: str, marker: Marker) -> bool:
        with suppress(IndexMissing):
            return self._indexes.newest(name).n >= marker.n
        return False

    def _await_versions(self, name: str, seq: int, count: int) -> None:
        query = {"terms": {"seq": [seq]}}
        if count and not self._indexes.http.until(lambda: self._indexes.count(name, query) >= count):
            raise Unavailable(
                "OpenSearch took the write but did not show it in time, so it was given up. Try again.",
                retry_after_s=10.0,
            )

    def _versions(self, name: str, ids: tuple[str, ...]) -> Iterator[str]:
        """Those that count now."""
        for start in range(0, len(ids), queries.MAX_AT_ONCE):
            part = ids[start : start + queries.MAX_AT_ONCE]
            _, hits, _ = self._indexes.asked(name, lambda marker, part=part: queries.versions(marker, part))  # type: ignore[misc]
            yield from (hit["_id"] for hit in hits)

    def _in_time(self, started: datetime, lines: Iterator[bytes]) -> Iterator[bytes]:
        for one in lines:
            self._check_time(started)
            yield one

    def _check_time(self, started: datetime) -> None:
        """A writer that was frozen must not go on: what it left may have been folded away."""
        if self._clock.now() - started > timedelta(seconds=MAX_WRITE_S):
            raise Unavailable("The write took too long and was given up before it was visible. Try again.")


def check(marker: Marker, write: Write, wanted: Batch) -> None:
    if write.vectors is not None:
        check_dim(marker, write.vectors.dim)
    check_fields(marker, wanted)


def check_dim(marker: Marker, dim: int) -> None:
    if dim != marker.shape.dim:
        raise DimensionMismatch(
            f"The vectors have {dim} dimensions; this vector database has {marker.shape.dim}. "
            "Use the embedding model that it was made with.",
            param="vector",
        )


def check_fields(marker: Marker, wanted: Batch) -> None:
    if (count := len(marker.fields | wanted.fields)) > MAX_FIELDS:
        raise InvalidInput(
            f"The metadata would bring this vector database to {count} fields; at most {MAX_FIELDS} are kept. "
            "Use fewer names, or nest what need not be filtered by."
        )
