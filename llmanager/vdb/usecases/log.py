"""The writes of a collection, kept for ever: the truth that its index is made from."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from llmanager.kernel.blobs import PIECE_BYTES, Blobs
from llmanager.kernel.errors import BlobNotFound, Conflict
from llmanager.vdb.compaction import Policy
from llmanager.vdb.entities import Write
from llmanager.vdb.errors import SegmentGone
from llmanager.vdb.segments import INLINE_BYTES, MANIFEST, Segment, Span, live, row_lines, writes
from llmanager.vdb.usecases.compact import compact, count_items
from llmanager.vdb.usecases.segment_blobs import Contents, SegmentBlobs

TRIES = 5


@dataclass(frozen=True)
class SegmentLog:
    """Segments under PREFIX/RESOURCE/, in order of their writes' numbers. Every method may raise what is Retryable.

    Who appends, removes, compacts or sweeps is alone with the resource (Exclusive). Reading goes on beside them.
    """

    blobs: Blobs
    prefix: str
    policy: Policy = field(default_factory=Policy)
    inline_bytes: int = INLINE_BYTES

    def append(self, resource: str, seq: int, write: Write) -> Segment:
        """Durable when it returns. If it raises, what was written is removed again, as far as the blob store lets us.

        `seq` is above every one that was used before, by a write that failed too: the caller keeps the count, and gaps
        are fine. Raises Conflict where this very number is taken. After OutOfSpace nothing is left.
        """
        if len(write.vectors or ()) != len(write.items):
            raise ValueError("a write has one vector an item")
        span = Span(seq, seq)
        if self.blobs.find(self._stored.key(resource, span, MANIFEST)):
            raise Conflict("Somebody else wrote to the vector database in between. Send the request again.")
        data = write.vectors.data if write.vectors else b""
        contents = Contents(
            items=len(write.items),
            deletes=len(write.deleted_ids),
            dim=write.vectors.dim if write.vectors and write.items else None,
            lines=row_lines(write),
            vectors=(data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES)),
        )
        return self._stored.put(resource, span, contents)

    def segments(self, resource: str) -> tuple[Segment, ...]:
        """The live ones, in order of their numbers: replayed one after another they give the collection.

        They are of one moment, although a compaction may go on: what the list says is the same before and after the
        manifests were read. Raises SegmentGone if it never was, SegmentCorrupt.
        """
        spans = self._stored.live(resource)
        for _ in range(TRIES):
            try:
                found = tuple(self._stored.load(resource, span) for span in spans)
            except BlobNotFound:
                found = ()
            before, spans = spans, self._stored.live(resource)
            if spans == before and len(found) == len(spans):
                return found
        raise SegmentGone

    def read(self, resource: str, segment: Segment) -> Iterator[Write]:
        """Its writes, in order, each at most what one write may be. All bytes are checked before the first is given.

        Raises SegmentCorrupt, and SegmentGone where a compaction took the segment away meanwhile: then begin again
        with `segments` and an empty index. Never gives wrong rows.
        """
        try:
            self._stored.check(resource, segment)
            lines, vectors = self._stored.lines(resource, segment), self._stored.vectors(resource, segment)
            yield from writes(lines, vectors, segment.dim)
        except BlobNotFound as error:
            raise SegmentGone from error

    def check(self, resource: str) -> None:
        """Read everything. Raises SegmentCorrupt where a replay would."""
        for segment in self.segments(resource):
            self._stored.check(resource, segment)

    def count(self, resource: str) -> int:
        """Items that a replay gives. Reads all rows; memory: the ids."""
        return count_items(self._stored, resource, self.segments(resource))

    def remove(self, resource: str, segment: Segment) -> None:
        """Take the last append back. Safe to repeat."""
        self._stored.remove(resource, segment)

    def drop(self, resource: str) -> None:
        """Remove everything of a resource, so that it has no segment before it has no rows. Safe to repeat."""
        keys = [info.key for info in self.blobs.list(f"{self.prefix}/{resource}/")]
        for key in sorted(keys, key=lambda key: not key.endswith(f".{MANIFEST}")):
            self.blobs.delete(key)

    def resources(self) -> tuple[str, ...]:
        """Those that hold anything, half-dropped ones too: what a sweep compares with the rows."""
        folder = f"{self.prefix}/"
        return tuple(dict.fromkeys(info.key.removeprefix(folder).partition("/")[0] for info in self.blobs.list(folder)))

    def sweep(self, resource: str) -> int:
        """Remove what a crash left: parts without a manifest, segments that a merged one replaced. How many blobs."""
        names = list(self._stored.names(resource))
        kept = set(live(span for span, ending in names if ending == MANIFEST))
        garbage = [(span, ending) for span, ending in names if span not in kept]
        for span, ending in sorted(garbage, key=lambda name: name[1] != MANIFEST):
            self.blobs.delete(self._stored.key(resource, span, ending))
        return len(garbage)

    def compact(self, resource: str, *, live_items: int | None = None) -> int:
        """Merge small neighbours into one, without what they replace or delete themselves; how many were merged away.

        `live_items`, if it is known, tells how many items there are: where segments hold twice as many, those of which
        most was replaced or deleted later are rewritten too. Memory: the ids and a piece.

        A crash loses nothing: the merged segment counts from its manifest on, and those within it no more. Merging may
        forget deletes that nothing older needs: an index must hold all of a segment or nothing of it, so settle first.
        """
        self.sweep(resource)
        return compact(self._stored, resource, self.segments(resource), self.policy, live_items)

    @property
    def _stored(self) -> SegmentBlobs:
        return SegmentBlobs(self.blobs, self.prefix, self.inline_bytes)
