"""Items as documents of OpenSearch, and back. Pure."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from llmanager.adapters.aws.opensearch_facets import UNDIRECTED, facets
from llmanager.adapters.aws.opensearch_scores import has_direction, numbers
from llmanager.vdb.conditions import typed
from llmanager.vdb.entities import Found, Hit, Item, Metric, Shape, Write
from llmanager.vdb.ports import FieldType

KEPT: Final = ["id", "text", "source", "metadata", "raw"]  # what an item is made of
STAMP: Final = ["n", "generation"]  # what a marker is known by
MAX_BULK_BYTES: Final = 4 * 2**20  # serverless takes 10 MiB a request

Source = dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """One write, ready to be sent: each id once."""

    items: tuple[Item, ...]
    vectors: tuple[bytes, ...]
    deleted_ids: tuple[str, ...]

    @property
    def touched(self) -> tuple[str, ...]:
        """Every id of which an older version stops to count."""
        return tuple(dict.fromkeys([*(item.id for item in self.items), *self.deleted_ids]))

    @property
    def fields(self) -> frozenset[tuple[str, FieldType]]:
        return frozenset(field for item in self.items for field in typed(item.metadata))


def batch(write: Write) -> Batch:
    """Of items with the same id the last one. Raises ValueError: a bug of the caller's."""
    vectors = write.vectors
    if len(write.items) != (0 if vectors is None else len(vectors)):
        raise ValueError("an item without a vector, or a vector without an item")
    places = {item.id: place for place, item in enumerate(write.items)}
    rows = tuple(vectors.row(place) for place in places.values()) if vectors is not None else ()
    return Batch(tuple(write.items[place] for place in places.values()), rows, write.deleted_ids)


def version_id(id_: str, seq: int) -> str:
    """The name of one version of an item: short, legal whatever the id is, the same when the write is sent again."""
    return f"{hashlib.blake2b(id_.encode(), digest_size=16).hexdigest()}-{seq:x}"


def is_searchable(vector: bytes, metric: Metric) -> bool:
    """Whether an index can hold it: a vector without a direction has no cosine."""
    return metric is not Metric.COSINE or has_direction(vector)


def document(item: Item, vector: bytes, seq: int, metric: Metric) -> Source:
    metadata = json.dumps(dict(item.metadata))
    found: Source = {
        "id": item.id,
        "seq": seq,
        "text": item.text,
        "source": item.source,
        "metadata": metadata,  # as text: numbers of any size come back as they were
        "raw": base64.b64encode(vector).decode(),
        "facets": facets(item.metadata),
        "bytes": len(vector) + len(item.text.encode()) + len(metadata) + len(item.id.encode()),
    }
    if is_searchable(vector, metric):
        found["vector"] = list(numbers(vector))
    else:
        found["facets"].append(UNDIRECTED)
    return found


def written(batch: Batch, seq: int, shape: Shape) -> Iterator[bytes]:
    """The versions of a write, as lines of a bulk request each."""
    for item, vector in zip(batch.items, batch.vectors, strict=True):
        yield line("index", version_id(item.id, seq), document(item, vector, seq, shape.metric))


def line(action: str, id_: str, source: Source | None = None) -> bytes:
    """One entry of a bulk request."""
    head = msgspec.json.encode({action: {"_id": id_}}) + b"\n"
    return head if source is None else head + msgspec.json.encode(source) + b"\n"


def bodies(lines: Iterable[bytes], max_bytes: int = MAX_BULK_BYTES) -> Iterator[bytes]:
    """Bulk requests of at most so many bytes; an entry that is larger has one of its own."""
    body = bytearray()
    for entry in lines:
        if body and len(body) + len(entry) > max_bytes:
            yield bytes(body)
            body.clear()
        body += entry
    if body:
        yield bytes(body)


def with_last(bodies: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each, and whether it is the last one."""
    before = next(bodies, None)
    for body in bodies:
        if before is not None:
            yield before, False
        before = body
    if before is not None:
        yield before, True


def found(source: Source) -> Found:
    item = Item(source["id"], source["text"], json.loads(source["metadata"]), source["source"])
    return Found(item, base64.b64decode(source["raw"]))


def hits(
    answered: Sequence[dict[str, Any]], score: Callable[[dict[str, Any], bytes], float], *, with_vectors: bool
) -> list[Hit]:
    """`score` of the hit as it came, and its vector."""
    held = [(found(hit["_source"]), hit) for hit in answered]
    return [Hit(one.item, score(hit, one.vector), one.vector if with_vectors else None) for one, hit in held]


def best(hits: Iterable[Hit], k: int) -> tuple[Hit, ...]:
    return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.item.id))[:k])
