"""Segments as bytes: what a collection's writes look like in the blob store. Pure. docs/segments.md tells the format.

    PREFIX/RESOURCE/SPAN.json             the manifest: written last, it makes the segment; counts, sizes, checksums
    PREFIX/RESOURCE/SPAN.rows.jsonl.gz    a line for each deleted id, then one for each item
    PREFIX/RESOURCE/SPAN.vectors.f32      a row for each item, little-endian float32

A part of at most INLINE_BYTES stands within the manifest instead, so that a small write is one blob.
"""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from llmanager.kernel.blobs import PIECE_BYTES
from llmanager.vdb.entities import FLOAT_BYTES, MAX_ITEMS_AT_ONCE, Item, Vectors, Write
from llmanager.vdb.errors import SegmentCorrupt

FORMAT = 1
INLINE_BYTES = 16 * 1024  # a vector of MAX_DIM just fits
MANIFEST, ROWS, VECTORS = "json", "rows.jsonl.gz", "vectors.f32"

WRITE_BYTES = 8 * 1024 * 1024  # that reading hands out at once

LEVEL = 6
_GZIP = 31  # zlib's wbits for gzip; it writes no time and no name, so equal rows are equal bytes
_SPAN = re.compile(r"(\d{12,})-(\d{12,})-(\d{4,})", re.ASCII)


@dataclass(frozen=True)
class Span:
    """Which writes a segment holds, by their numbers, and which rewriting of them it is: 0 as they were written."""

    first_seq: int
    last_seq: int
    rewrite: int = 0

    def __str__(self) -> str:
        return f"{self.first_seq:012}-{self.last_seq:012}-{self.rewrite:04}"

    def blob(self, ending: str) -> str:
        return f"{self}.{ending}"


@dataclass(frozen=True)
class Part:
    """Rows or vectors as they are stored."""

    size_bytes: int
    sha256: str  # hexadecimal
    inline: bytes | None = None  # within the manifest


@dataclass(frozen=True)
class Segment:
    span: Span
    items: int
    deletes: int
    dim: int | None  # None where there are no items
    rows: Part
    vectors: Part

    @property
    def first_seq(self) -> int:
        return self.span.first_seq

    @property
    def last_seq(self) -> int:
        return self.span.last_seq

    @property
    def size_bytes(self) -> int:
        return self.rows.size_bytes + self.vectors.size_bytes


def span_of(blob: str) -> tuple[Span, str] | None:
    """Whose blob it is, and its ending. None for a name that is none of ours."""
    name, _, ending = blob.partition(".")
    match = _SPAN.fullmatch(name)
    return (Span(*map(int, match.groups())), ending) if match else None


def live(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Those to replay, in order. One that lies within another is superseded by it: a rewriting took its place.

    Spans lie within or beside each other, since a rewriting covers whole neighbours.
    """
    found: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.first_seq, -s.last_seq, -s.rewrite)):
        if not found or span.last_seq > found[-1].last_seq:
            found.append(span)
    return tuple(found)


def manifest_bytes(segment: Segment) -> bytes:
    body = {
        "format": FORMAT,
        "first_seq": segment.first_seq,
        "last_seq": segment.last_seq,
        "items": segment.items,
        "deletes": segment.deletes,
        "dim": segment.dim,
        "rows": _part_body(segment.rows),
        "vectors": _part_body(segment.vectors),
    }
    return json.dumps(body, indent=1).encode() + b"\n"


def to_segment(span: Span, manifest: bytes) -> Segment:
    """Raises SegmentCorrupt where it is not what `manifest_bytes` made for this span."""
    try:
        body = json.loads(manifest)
        if body["format"] != FORMAT:
            raise SegmentCorrupt(
                f"Segment {span} has format {body['format']}, which this version does not know. Update LLManager."
            )
        segment = Segment(
            span, body["items"], body["deletes"], body["dim"], _to_part(body["rows"]), _to_part(body["vectors"])
        )
        is_whole = (body["first_seq"], body["last_seq"]) == (span.first_seq, span.last_seq) and (
            segment.vectors.size_bytes == segment.items * (segment.dim or 0) * FLOAT_BYTES
        )
    except (ValueError, KeyError, TypeError) as error:
        raise corrupt(span, "manifest") from error
    if not is_whole:
        raise corrupt(span, "manifest")
    return segment


def corrupt(span: Span, what: str) -> SegmentCorrupt:
    return SegmentCorrupt(
        f"Stored data of the vector database is damaged: the {what} of segment {span}. "
        "Restore its segments from a backup, or delete the vector database and ingest again."
    )


def row_lines(write: Write) -> Iterator[bytes]:
    """Without line ends, deleted ids first. Floats are kept exactly: JSON has the shortest text that reads back so."""
    for deleted in write.deleted_ids:
        yield tombstone_line(deleted)
    for item in write.items:
        yield _line({"id": item.id, "text": item.text, "metadata": dict(item.metadata), "source": item.source})


def entry_of(line: bytes) -> tuple[str, bool]:
    """Which id a line speaks of, and whether that is deleted."""
    body = json.loads(line)
    return (body["deleted"], True) if "deleted" in body else (body["id"], False)


def tombstone_line(deleted_id: str) -> bytes:
    return _line({"deleted": deleted_id})


def gzipped(lines: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(level=LEVEL, wbits=_GZIP)
    for line in lines:
        yield packer.compress(line + b"\n")
    yield packer.flush()


def gunzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Lines without their ends. In memory are one piece and one line, however well they were packed."""
    unpacker, rest = zlib.decompressobj(wbits=_GZIP), b""
    for piece in pieces:
        packed = piece
        while packed:
            *lines, rest = (rest + unpacker.decompress(packed, PIECE_BYTES)).split(b"\n")
            packed = unpacker.unconsumed_tail
            yield from lines
    yield from (rest + unpacker.flush()).split(b"\n")[:-1]


def vector_rows(pieces: Iterable[bytes], dim: int) -> Iterator[bytes]:
    width, rest = dim * FLOAT_BYTES, b""
    for piece in pieces:
        data = rest + piece
        whole = len(data) - len(data) % width
        for start in range(0, whole, width):
            yield data[start : start + width]
        rest = data[whole:]


def in_pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of about PIECE_BYTES, or larger where a chunk is."""
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= PIECE_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if size:
        yield b"".join(held)


def writes(lines: Iterable[bytes], vectors: Iterator[bytes], dim: int | None) -> Iterator[Write]:
    """What the lines and the vectors say, in writes of at most MAX_ITEMS_AT_ONCE lines and about WRITE_BYTES."""
    items: list[Item] = []
    rows: list[bytes] = []
    deleted: list[str] = []
    size = 0
    for line in lines:
        body = json.loads(line)
        size += len(line)
        if "deleted" in body:
            deleted.append(body["deleted"])
        else:
            items.append(Item(body["id"], body["text"], body["metadata"], body["source"]))
            rows.append(next(vectors))
            size += len(rows[-1])
        if size >= WRITE_BYTES or len(items) + len(deleted) == MAX_ITEMS_AT_ONCE:
            yield _write(items, rows, deleted, dim)
            items, rows, deleted, size = [], [], [], 0
    if size:
        yield _write(items, rows, deleted, dim)


def inline_part(data: bytes) -> Part:
    return Part(len(data), hashlib.sha256(data).hexdigest(), data)


def _write(items: list[Item], rows: list[bytes], deleted: list[str], dim: int | None) -> Write:
    return Write(tuple(items), Vectors(dim, b"".join(rows)) if dim and items else None, tuple(deleted))


def _line(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _part_body(part: Part) -> dict[str, Any]:
    inline = {} if part.inline is None else {"base64": base64.b64encode(part.inline).decode()}
    return {"bytes": part.size_bytes, "sha256": part.sha256, **inline}


def _to_part(body: dict[str, Any]) -> Part:
    """Raises ValueError, KeyError or TypeError."""
    inline = base64.b64decode(body["base64"], validate=True) if "base64" in body else None
    if inline is not None and (len(inline), hashlib.sha256(inline).hexdigest()) != (body["bytes"], body["sha256"]):
        raise ValueError("the bytes do not match their checksum")
    return Part(body["bytes"], body["sha256"], inline)
