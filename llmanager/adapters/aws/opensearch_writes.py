"""How a write becomes visible whole, or not at all: see opensearch_marker.py."""

import itertools
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from llmanager.adapters.aws import opensearch_queries as queries
from llmanager.adapters.aws.opensearch_documents import Batch, batch, is_searchable, line, written
from llmanager.adapters.aws.opensearch_index import THERE, TRIES, Indexes
from llmanager.adapters.aws.opensearch_marker import MAX_WRITE_S, Marker, doc_id, document, new_seq, residue
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import InvalidInput, Retryable, Throttled, Unavailable
from llmanager.vdb.entities import MAX_FIELDS, Write
from llmanager.vdb.errors import DimensionMismatch, IndexMissing, WriteUnsettled


class Writes:
    def __init__(self, indexes: Indexes, clock: Clock) -> None:
        self._indexes, self._clock = indexes, clock

    def apply(self, name: str, write: Write) -> None:
        """Raises WriteUnsettled where it may be visible or not; whatever else is raised, nothing of it is."""
        wanted = batch(write)
        marker, versions = self._seen(name, wanted.touched)
        if write.vectors is not None:
            check_dim(marker, write.vectors.dim)
        check_fields(marker, wanted)
        if not wanted.touched:
            return
        started = self._clock.now()
        seq = new_seq(started)
        self._send(name, marker, wanted, seq, started)
        for _ in range(TRIES):
            self._check_time(started)
            undirected = any(not is_searchable(vector, marker.shape.metric) for vector in wanted.vectors)
            dead = (*self._indexes.present(name, marker.dead), *versions)
            if self._commit(name, marker.after(seq, dead, wanted.fields, has_undirected=undirected), seq):
                return
            marker, versions = self._seen(name, wanted.touched)
            check_fields(marker, wanted)
        raise Throttled("Other writers keep the vector database busy. Try again soon.")

    def tend(self, name: str) -> None:
        """Remove what no longer counts, and shorten the marker."""
        marker = self._indexes.newest(name)
        base = marker.foldable(self._clock.now())
        unneeded = marker.dead if base is None else (*marker.dead, *self._indexes.ids(name, residue(marker, base)))
        if not unneeded and base is None:
            return
        self._indexes.sent(name, _deletes(unneeded), what="remove what no longer counts")
        if base is not None and self._indexes.count(name, residue(marker, base)):
            base = None  # the next tending goes on
        dead = self._indexes.present(name, marker.dead)
        if base is not None or dead != marker.dead:
            self._create(name, marker.tidied(dead, marker.base if base is None else base))

    def begin(self, name: str, marker: Marker) -> None:
        """The first marker of an index that has none. There already is fine."""
        self._create(name, marker)
        if not self._is_seen(name, marker):
            raise Unavailable("OpenSearch made the index but did not show it in time. Try again.", retry_after_s=10.0)

    def _seen(self, name: str, ids: tuple[str, ...]) -> tuple[Marker, tuple[str, ...]]:
        """The newest marker, and the versions of these items that count by it."""
        for _ in range(TRIES):
            asked = [self._versions(name, part) for part in _parts(ids)] or [self._versions(name, ())]
            if all(marker == asked[0][0] for marker, _ in asked):
                return asked[0][0], tuple(version for _, versions in asked for version in versions)
        raise Throttled("Other writers keep the vector database busy. Try again soon.")

    def _versions(self, name: str, ids: tuple[str, ...]) -> tuple[Marker, list[str]]:
        marker, hits, _ = self._indexes.asked(name, lambda marker: queries.versions(marker, ids))
        return marker, [hit["_id"] for hit in hits]

    def _send(self, name: str, marker: Marker, wanted: Batch, seq: int, started: datetime) -> None:
        """The new versions, which nobody counts yet; and away with those that have not counted since the last write."""
        lines = itertools.chain(_deletes(marker.dead), written(wanted, seq, marker.shape))
        self._indexes.sent(name, self._in_time(started, lines), what="write")
        if self._indexes.kind.can_refresh or not wanted.items:
            return
        query, count = {"terms": {"seq": [seq]}}, len(wanted.items)
        if not self._indexes.http.until(lambda: self._indexes.count(name, query) >= count):
            raise Unavailable(
                "OpenSearch took the write but did not show it in time, so it was given up. Try again.",
                retry_after_s=10.0,
            )

    def _commit(self, name: str, made: Marker, seq: int) -> bool:
        """False: another writer's marker is there, so that this one has to be made anew."""
        try:
            is_ours = self._create(name, made)
            if not self._is_seen(name, made):
                raise WriteUnsettled()
            if not is_ours:
                is_ours = seq in self._indexes.newest(name).seqs  # the answer to a first attempt may have been lost
        except IndexMissing:
            raise
        except Retryable as error:
            raise WriteUnsettled() from error
        return is_ours

    def _create(self, name: str, marker: Marker) -> bool:
        """False: one of this number is there. The last but two is needed by nobody any more."""
        lines = [line("create", marker.doc_id, document(marker)), *_deletes([doc_id(marker.n - 2)])]
        statuses = self._indexes.sent(name, lines, what="make a write visible", may_fail=(THERE,))
        self._indexes.forget(name)
        return statuses[0] != THERE

    def _is_seen(self, name: str, marker: Marker) -> bool:
        """By searches; waits for that where nobody can make them."""
        if self._indexes.kind.can_refresh:
            return True
        return self._indexes.http.until(lambda: self._indexes.sees(name, marker))

    def _in_time(self, started: datetime, lines: Iterable[bytes]) -> Iterator[bytes]:
        for one in lines:
            self._check_time(started)
            yield one

    def _check_time(self, started: datetime) -> None:
        """A writer that was frozen must not go on: what it left may have been folded away."""
        if self._clock.now() - started > timedelta(seconds=MAX_WRITE_S):
            raise Unavailable("The write took too long and was given up before it was visible. Try again.")


def _parts(ids: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(ids), queries.MAX_AT_ONCE):
        yield ids[start : start + queries.MAX_AT_ONCE]


def _deletes(ids: Iterable[str]) -> list[bytes]:
    return [line("delete", id_) for id_ in ids]


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
