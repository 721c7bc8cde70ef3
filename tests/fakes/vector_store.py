"""A VectorStore in dicts: exact, and simple enough to be the model that adapters are compared with."""

import json
import math
import re
import threading
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import mul

from llmanager.kernel.errors import Conflict, InvalidInput, LLManagerError, NotSupported
from llmanager.vdb.conditions import typed
from llmanager.vdb.entities import MAX_FIELDS, MIN_LENGTH, Found, Hit, IndexStats, Item, Metric, Shape, Write
from llmanager.vdb.errors import DimensionMismatch, IndexMissing
from llmanager.vdb.filters import Filter, matches
from llmanager.vdb.ports import FieldType

Hook = Callable[[str, Write], None]


def _nothing(_: str, __: Write) -> None: ...


@dataclass
class _Index:
    shape: Shape
    rows: dict[str, Found] = field(default_factory=dict)
    fields: set[tuple[str, FieldType]] = field(default_factory=set)


class FakeVectorStore:
    """Passes tests/contracts/vector_store/.

    `before_apply` runs once, just before the next apply: act there, or raise (OutOfSpace, Throttled, …) to have the
    write refused with nothing of it there. `after_apply` runs once, just after: raise there and the write took effect
    while its answer was lost. `down` makes every call raise it, until it is None again. `lose` makes an index vanish
    as if somebody had removed its files. `tended` are the indexes that tend was called for, in order.
    """

    def __init__(self) -> None:
        self._indexes: dict[str, _Index] = {}
        self._lock = threading.RLock()
        self.before_apply: Hook = _nothing
        self.after_apply: Hook = _nothing
        self.down: LLManagerError | None = None
        self.tended: list[str] = []

    def lose(self, index: str) -> None:
        with self._lock:
            del self._indexes[index]

    def create(self, index: str, shape: Shape) -> None:
        self._check_up()
        with self._lock:
            if self._indexes.setdefault(index, _Index(shape)).shape != shape:
                raise Conflict("The index exists with another shape. Drop it first.")

    def drop(self, index: str) -> None:
        self._check_up()
        with self._lock:
            self._indexes.pop(index, None)

    def apply(self, index: str, write: Write) -> None:
        self._check_up()
        act, self.before_apply = self.before_apply, _nothing
        act(index, write)
        with self._lock:
            self._apply(self._open(index), write)
        act, self.after_apply = self.after_apply, _nothing
        act(index, write)

    def load(self, index: str, writes: Iterable[Write]) -> None:
        for write in writes:
            self.apply(index, write)

    def get(self, index: str, ids: Sequence[str]) -> tuple[Found, ...]:
        with self._lock:
            rows = self._open(index).rows
            return tuple(_copied(rows[id_]) for id_ in ids if id_ in rows)

    def list(self, index: str, *, after: str = "", limit: int = 100) -> tuple[Item, ...]:
        with self._lock:
            rows = self._open(index).rows
            return tuple(_copied(rows[id_]).item for id_ in sorted(rows) if id_ > after)[:limit]

    def search(
        self, index: str, vector: bytes, *, k: int, where: Filter | None = None, with_vectors: bool = False
    ) -> tuple[Hit, ...]:
        with self._lock:
            opened = self._open(index)
            wanted = _floats(vector)
            if len(wanted) != opened.shape.dim:
                raise _wrong_dim(len(wanted), opened.shape)
            score = _SCORES[opened.shape.metric]
            scored = [(score(wanted, _floats(row.vector)), row) for row in _satisfying(opened, where)]
            return _best(scored, k, with_vectors)

    def search_text(
        self, index: str, query: str, *, k: int, where: Filter | None = None, with_vectors: bool = False
    ) -> tuple[Hit, ...]:
        with self._lock:
            opened = self._open(index)
            if not opened.shape.has_text:
                raise NotSupported("The index was made without searchable texts.")
            scores = _bm25(query, {id_: row.item.text for id_, row in opened.rows.items()})
            scored = [(scores[row.item.id], row) for row in _satisfying(opened, where) if row.item.id in scores]
            return _best(scored, k, with_vectors)

    def fields(self, index: str) -> Mapping[str, frozenset[FieldType]]:
        with self._lock:
            found: dict[str, frozenset[FieldType]] = {}
            for name, type_ in self._open(index).fields:
                found[name] = found.get(name, frozenset()) | {type_}
            return found

    def stats(self, index: str) -> IndexStats:
        with self._lock:
            rows = self._open(index).rows
            return IndexStats(len(rows), sum(len(row.vector) + len(row.item.text) for row in rows.values()))

    def tend(self, index: str) -> None:
        with self._lock:
            self._open(index)
            self.tended.append(index)

    def indexes(self) -> tuple[str, ...]:
        self._check_up()
        with self._lock:
            return tuple(sorted(self._indexes))

    def _check_up(self) -> None:
        if self.down is not None:
            raise self.down

    def _open(self, index: str) -> _Index:
        self._check_up()
        if index not in self._indexes:
            raise IndexMissing()
        return self._indexes[index]

    def _apply(self, opened: _Index, write: Write) -> None:
        vectors = write.vectors
        if vectors is not None and vectors.dim != opened.shape.dim:
            raise _wrong_dim(vectors.dim, opened.shape)
        if len(write.items) != (0 if vectors is None else len(vectors)):
            raise ValueError("an item without a vector, or a vector without an item")
        fields = opened.fields.union(*(typed(item.metadata) for item in write.items))
        if len(fields) > MAX_FIELDS:
            raise InvalidInput(f"The metadata would have {len(fields)} fields; at most {MAX_FIELDS} are kept.")
        opened.fields = fields
        for id_ in write.deleted_ids:
            opened.rows.pop(id_, None)
        for row, item in enumerate(write.items):
            assert vectors is not None
            opened.rows[item.id] = _copied(Found(item, vectors.row(row)))


def _copied(found: Found) -> Found:
    """Metadata through JSON, so that nobody changes what is stored by changing his own."""
    return replace(found, item=replace(found.item, metadata=json.loads(json.dumps(dict(found.item.metadata)))))


def _wrong_dim(dim: int, shape: Shape) -> DimensionMismatch:
    return DimensionMismatch(f"The vectors have {dim} dimensions; the index has {shape.dim}.", param="vector")


def _satisfying(opened: _Index, where: Filter | None) -> Iterable[Found]:
    return [row for row in opened.rows.values() if where is None or matches(where, row.item.metadata)]


def _best(scored: Iterable[tuple[float, Found]], k: int, with_vectors: bool) -> tuple[Hit, ...]:
    ordered = sorted(scored, key=lambda pair: (-pair[0], pair[1].item.id))[:k]
    return tuple(Hit(_copied(row).item, score, row.vector if with_vectors else None) for score, row in ordered)


def _floats(vector: bytes) -> "array[float]":
    return array("f", vector)


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return math.fsum(map(mul, a, b))


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    a_length, b_length = math.sqrt(_dot(a, a)), math.sqrt(_dot(b, b))
    return _dot(a, b) / (a_length * b_length) if min(a_length, b_length) >= MIN_LENGTH else 0.0


_SCORES: dict[Metric, Callable[[Sequence[float], Sequence[float]], float]] = {
    Metric.COSINE: _cosine,
    Metric.DOT: _dot,
    Metric.L2: lambda a, b: -math.dist(a, b),
}


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _bm25(query: str, texts: Mapping[str, str]) -> dict[str, float]:
    """Scores of the texts that share a word with the query."""
    counts = {id_: Counter(_words(text)) for id_, text in texts.items()}
    average = sum(c.total() for c in counts.values()) / max(len(counts), 1) or 1.0
    scores: dict[str, float] = {}
    for word in set(_words(query)):
        holding = {id_: count for id_, count in counts.items() if word in count}
        rarity = math.log(1 + (len(counts) - len(holding) + 0.5) / (len(holding) + 0.5))
        for id_, count in holding.items():
            saturation = 1.2 * (1 - 0.75 + 0.75 * count.total() / average)
            scores[id_] = scores.get(id_, 0.0) + rarity * count[word] * 2.2 / (count[word] + saturation)
    return scores
