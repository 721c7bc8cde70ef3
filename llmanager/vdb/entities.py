"""What a collection is and what it holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

MAX_DIM = 4096
MAX_ID_BYTES = 512
MAX_TEXT_BYTES = 256 * 1024  # of one item, UTF-8
MAX_METADATA_BYTES = 16 * 1024  # of one item, as JSON
MAX_ITEMS_AT_ONCE = 5_000  # of one write: it becomes one segment, visible whole or not at all
MAX_BYTES_AT_ONCE = 32 * 1024 * 1024  # texts, metadata and vectors of one write together
MAX_K = 200
MAX_QUERY_BYTES = 32 * 1024  # of one query's text, UTF-8
MAX_METADATA_DEPTH = 16
MAX_FIELDS = 256  # of one collection: names of metadata that can be filtered by, each type of one counted
MAX_FIELD_BYTES = 256  # of such a name, UTF-8
MAX_FILTER_DEPTH = 8
MAX_FILTER_CONDITIONS = 64
MAX_FILTER_VALUES = 1_000  # of one $in or $nin
MIN_CHUNK = 20  # characters
MAX_CHUNK = 20_000  # characters
MAX_DOCUMENTS = 10_000  # of one ingestion
MAX_DOCUMENT_BYTES = 2 * 1024 * 1024 * 1024
MAX_OBJECT_BYTES = 256 * 1024 * 1024  # of embedded data as one JSON object; as JSONL it may be longer
MAX_OBJECT_ITEMS = 500_000  # of the same
MAX_EVENTS = 20  # that are remembered, the newest ones

MAX_COMPONENT = 1e15  # of a vector, its sign apart: sums of squares stay finite in float32
MIN_LENGTH = 1e-15  # a shorter vector has no direction: its cosine with any other is 0

FLOAT_BYTES = 4
ENDINGS = frozenset(
    {".txt", ".text", ".md", ".markdown", ".html", ".htm", ".pdf", ".docx", ".csv", ".tsv", ".jsonl", ".ndjson"}
)  # of documents that can be read, in lower case


class Metric(StrEnum):
    COSINE = "cosine"
    L2 = "l2"
    DOT = "dot"


class Mode(StrEnum):
    VECTOR = "vector"
    TEXT = "text"  # BM25
    HYBRID = "hybrid"  # both, fused by rank


class IndexState(StrEnum):
    READY = "ready"
    ASLEEP = "asleep"  # hibernated: there are only segments
    RESTORING = "restoring"


@dataclass(frozen=True)
class Shape:
    """What an index is made for."""

    dim: int
    metric: Metric = Metric.COSINE
    has_text: bool = True  # texts are searchable (modes text and hybrid)


@dataclass(frozen=True)
class Item:
    """One entry of a collection, without its vector. `id` is unique within it: the same id replaces."""

    id: str
    text: str = ""  # may be empty
    metadata: Mapping[str, Any] = field(default_factory=dict)  # JSON; its top-level scalars can be filtered by
    source: str = ""  # the document it came from


@dataclass(frozen=True)
class Vectors:
    """A matrix: `len(self)` rows of `dim` little-endian float32, one after the other. All of them finite."""

    dim: int
    data: bytes

    def __len__(self) -> int:
        return len(self.data) // (FLOAT_BYTES * self.dim)

    def row(self, index: int) -> bytes:
        width = FLOAT_BYTES * self.dim
        return self.data[index * width : (index + 1) * width]

    def rows(self, start: int, stop: int) -> "Vectors":
        width = FLOAT_BYTES * self.dim
        return Vectors(self.dim, self.data[start * width : stop * width])


@dataclass(frozen=True)
class Write:
    """One change of a collection: all of it or nothing. Deletes take effect before the items."""

    items: tuple[Item, ...] = ()
    vectors: Vectors | None = None  # one row an item; None only where there are no items
    deleted_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """An item with its vector, as the index holds it."""

    item: Item
    vector: bytes


@dataclass(frozen=True)
class Hit:
    """`score`: higher is closer. cosine: the cosine, -1 to 1; dot: the inner product; l2: minus the distance;
    text: BM25; hybrid: the sum of 1 / (60 + rank) over both lists, ranks from 1.
    """

    item: Item
    score: float
    vector: bytes | None = None  # where asked for


@dataclass(frozen=True)
class IndexStats:
    count: int  # items
    size_bytes: int  # on disk


@dataclass(frozen=True)
class Event:
    at: datetime
    what: str
    why: str = ""


@dataclass(frozen=True)
class Index:
    """Where a collection's index stands. It is behind while a write that was begun is not known to be in it."""

    state: IndexState
    last_seq: int = 0  # of the last write that was begun; its segment may be missing, if that write failed
    applied_seq: int = 0  # of the last write that the index has
    build: int = 0  # grows whenever the index is dropped or made anew: one that was read from may be another now
    tended_seq: int = 0  # last_seq when it was last compacted
    count: int = 0  # items when it was hibernated
    events: tuple[Event, ...] = ()  # of the index: hibernated, restored
    version: int = 0

    @property
    def is_up(self) -> bool:
        return self.state is IndexState.READY

    @property
    def is_current(self) -> bool:
        return self.is_up and self.applied_seq == self.last_seq


@dataclass(frozen=True)
class Use:
    """Queries and writes are use; status and lists are not."""

    last_used_at: datetime | None = None
    version: int = 0


@dataclass(frozen=True)
class Collection:
    tenant: str
    name: str
    resource: str  # names the index and the segments' folder; another one after delete and create
    created_at: datetime
    metric: Metric = Metric.COSINE
    has_text: bool = True
    model: str | None = None  # the embedder; None: not told yet, or vectors are given with every write
    dim: int | None = None  # None until it is told or the first vectors come
    sleep_after_s: int | None = None  # hibernates after that long unused; None: never by itself
    delete_after_s: int | None = None  # after that long unused
    ttl_s: int | None = None  # hard end of life from creation
    is_deleting: bool = False
    events: tuple[Event, ...] = ()  # of the collection itself: created, deleting
    version: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return self.tenant, self.name


class Strategy(StrEnum):
    RECURSIVE = "recursive"  # at the largest border that fits: paragraph, sentence, word
    SENTENCE = "sentence"  # whole sentences only
    FIXED = "fixed"  # so many characters, wherever that cuts


@dataclass(frozen=True)
class Chunking:
    strategy: Strategy = Strategy.RECURSIVE
    size: int = 1000  # characters of a chunk, at most
    overlap: int = 100  # characters that a chunk repeats of the one before it, at most; no more than half of size


@dataclass(frozen=True)
class Document:
    """Something that can be ingested, before it is opened."""

    name: str  # unique among what one tenant ingests into one collection; its ending tells the format
    size_bytes: int
    address: str  # what its source needs to read it again


@dataclass(frozen=True)
class Block:
    """A piece of a document's text, in order. Neighbours with the same metadata are one text that was cut somewhere."""

    text: str  # with the line ends that part it from the next
    metadata: Mapping[str, Any] = field(default_factory=dict)  # such as {"page": 3}, or a CSV row's other columns
    is_record: bool = False  # a CSV row or JSONL line: never joined with its neighbours
