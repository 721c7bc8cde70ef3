"""Segments in the blob store: written whole, loaded, checked, removed. What they mean is told in log.py."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import chain

from llmanager.kernel.blobs import Blobs
from llmanager.kernel.errors import BlobNotFound, LLManagerError
from llmanager.vdb.segments import (
    INLINE_BYTES,
    MANIFEST,
    ROWS,
    VECTORS,
    Part,
    Segment,
    Span,
    corrupt,
    gunzipped,
    gzipped,
    in_pieces,
    inline_part,
    live,
    manifest_bytes,
    span_of,
    to_segment,
    vector_rows,
)


@dataclass(frozen=True)
class Contents:
    """What a new segment is made of. `vectors` are bytes in chunks of any size, `lines` have no ends."""

    items: int
    deletes: int
    dim: int | None
    lines: Iterable[bytes]
    vectors: Iterable[bytes]


@dataclass(frozen=True)
class SegmentBlobs:
    blobs: Blobs
    prefix: str
    inline_bytes: int = INLINE_BYTES

    def live(self, resource: str) -> tuple[Span, ...]:
        """By their manifests alone, in order."""
        return live(span for span, ending in self.names(resource) if ending == MANIFEST)

    def names(self, resource: str) -> Iterator[tuple[Span, str]]:
        """Every blob of a segment, or of one that never became one: span and ending."""
        folder = self._folder(resource)
        for info in self.blobs.list(folder):
            if name := span_of(info.key.removeprefix(folder)):
                yield name

    def load(self, resource: str, span: Span) -> Segment:
        """Raises BlobNotFound, SegmentCorrupt."""
        return to_segment(span, b"".join(self.blobs.read(self.key(resource, span, MANIFEST))))

    def put(self, resource: str, span: Span, contents: Contents) -> Segment:
        """Durable when it returns. Otherwise what was written is removed, or is no segment for want of a manifest."""
        with ExitStack() as undo:
            undo.callback(self._discard, resource, span)
            segment = Segment(
                span,
                contents.items,
                contents.deletes,
                contents.dim,
                rows=self._part(resource, span, ROWS, gzipped(contents.lines)),
                vectors=self._part(resource, span, VECTORS, contents.vectors),
            )
            self.blobs.put(self.key(resource, span, MANIFEST), [manifest_bytes(segment)])
            undo.pop_all()
        return segment

    def remove(self, resource: str, segment: Segment) -> None:
        """The manifest goes first: without it the rest is nobody's. Safe to repeat."""
        self.blobs.delete(self.key(resource, segment.span, MANIFEST))
        for ending, part in ((ROWS, segment.rows), (VECTORS, segment.vectors)):
            if part.inline is None:
                self.blobs.delete(self.key(resource, segment.span, ending))

    def check(self, resource: str, segment: Segment) -> None:
        """Raises SegmentCorrupt where what is stored is not what was written, BlobNotFound where it was removed."""
        for ending, part in ((ROWS, segment.rows), (VECTORS, segment.vectors)):
            digest = hashlib.sha256()
            try:
                for piece in self._pieces(resource, segment.span, ending, part):
                    digest.update(piece)
            except BlobNotFound as error:
                if self.blobs.find(self.key(resource, segment.span, MANIFEST)) is None:  # who removes takes it first
                    raise
                raise corrupt(segment.span, ending) from error
            if digest.hexdigest() != part.sha256:
                raise corrupt(segment.span, ending)

    def lines(self, resource: str, segment: Segment) -> Iterator[bytes]:
        return gunzipped(self._pieces(resource, segment.span, ROWS, segment.rows))

    def vectors(self, resource: str, segment: Segment) -> Iterator[bytes]:
        """One row an item."""
        return vector_rows(self._pieces(resource, segment.span, VECTORS, segment.vectors), segment.dim or 1)

    def key(self, resource: str, span: Span, ending: str) -> str:
        return self._folder(resource) + span.blob(ending)

    def _folder(self, resource: str) -> str:
        return f"{self.prefix}/{resource}/"

    def _part(self, resource: str, span: Span, ending: str, chunks: Iterable[bytes]) -> Part:
        pieces = in_pieces(chunks)
        first = next(pieces, b"")
        if len(first) <= self.inline_bytes:
            return inline_part(first)  # a piece this small is the last one
        digest = hashlib.sha256()

        def digested() -> Iterator[bytes]:
            for piece in chain((first,), pieces):
                digest.update(piece)
                yield piece

        size_bytes = self.blobs.put(self.key(resource, span, ending), digested())
        return Part(size_bytes, digest.hexdigest())

    def _pieces(self, resource: str, span: Span, ending: str, part: Part) -> Iterator[bytes]:
        if part.inline is not None:
            return iter((part.inline,))
        return self.blobs.read(self.key(resource, span, ending))

    def _discard(self, resource: str, span: Span) -> None:
        with suppress(LLManagerError):  # rather tell why it was not written; `sweep` removes the rest
            for ending in (MANIFEST, ROWS, VECTORS):
                self.blobs.delete(self.key(resource, span, ending))
