"""One index, opened: a Lance table and what it was made for. Raises Lance's own errors besides ours."""

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pyarrow as pa
from lancedb.expr import Expr, col, lit
from lancedb.index import FTS, BTree, IvfSq
from lancedb.query import ColumnOrdering, MatchQuery

from llmanager.adapters.local import lancedb_rows
from llmanager.adapters.local.lancedb_errors import persist
from llmanager.adapters.local.lancedb_folders import Place
from llmanager.adapters.local.lancedb_rows import ITEM, UNDIRECTED, Rows, holds, predicate
from llmanager.adapters.local.scores import Matrix, has_direction, matrix, scores
from llmanager.kernel.errors import InvalidInput, NotSupported
from llmanager.vdb.entities import FLOAT_BYTES, MAX_FIELDS, Found, Hit, IndexStats, Item, Metric, Shape, Write
from llmanager.vdb.errors import DimensionMismatch, IndexDamaged
from llmanager.vdb.filters import Filter
from llmanager.vdb.ports import FieldType

# Few vectors are all read by a search, which is exact and quick. Of many an index keeps a copy in 8 bits, in cells of
# about 8,000: a search reads the nearest CELLS of them (of 250,000 vectors: all), further ones where a filter leaves
# too little, and compares the true vectors of REFINE times as many as are wanted.
CELLS = 32
REFINE = 2
TIES = 16  # more than are wanted are fetched, so that equal scores at the end are cut by id

# When there is something to tend.
MAX_FRAGMENTS = 24  # each write leaves one; each costs a search about 0.1 ms
MAX_UNINDEXED = 2_000  # rows that every search reads one by one
MAX_PARTS = 6  # of the vector index: extending adds one, and some day it is better made anew
MAX_OLD_VERSIONS = 8  # whose files nobody needs any more
TEND_ATTEMPTS = 3  # tending that loses to writers may as well wait

VECTORS, TEXTS, IDS = "vectors", "texts", "ids"  # Lance's indexes
_WORDS: Any = MatchQuery  # any of the words; there is no syntax in it
BY_ID = [ColumnOrdering(column_name="id", ascending=True, nulls_first=False)]  # texts in the order of their UTF-8


def build(place: Place, shape: Shape, connection: Any) -> None:
    """An empty table with all that needs no rows."""
    table = connection.create_table(place.generation, schema=lancedb_rows.schema(shape))
    # Without a key, two processes that insert the same id at the same moment leave it there twice.
    table.set_unenforced_primary_key("id")
    table.create_index("id", config=BTree(), name=IDS)
    if shape.has_text:  # words of any language, as they are: no stemming, no words left out
        words = FTS(base_tokenizer="icu/split", stem=False, remove_stop_words=False, max_token_length=255)
        table.create_index("text", config=words, name=TEXTS)


class LanceIndex:
    def __init__(self, place: Place, connection: Any) -> None:
        self.place = place
        self.shape = place.shape()
        self._table = connection.open_table(place.generation)

    def apply(self, write: Write) -> None:
        if write.vectors is not None:
            self._check_dim(write.vectors.dim)
        rows = Rows(write.items, write.vectors, self.shape.metric)
        persist(lambda: self._commit(rows, write.deleted_ids))

    def get(self, ids: Sequence[str]) -> tuple[Found, ...]:
        wanted = self._table.search().where(_has_id(ids)).select([*ITEM, "vector"]).limit(len(set(ids)))
        held = {found.item.id: found for found in lancedb_rows.found(wanted.to_arrow(), self.shape.dim)}
        return tuple(held[id_] for id_ in ids if id_ in held)

    def page(self, after: str, limit: int) -> tuple[Item, ...]:
        wanted = self._table.search().where(col("id") > lit(after)).order_by(BY_ID).select(ITEM).limit(limit)
        return tuple(lancedb_rows.items(wanted.to_arrow()))

    def search(self, vector: bytes, k: int, where: Filter | None, with_vectors: bool) -> tuple[Hit, ...]:
        self._check_dim(len(vector) // FLOAT_BYTES)
        query = matrix(vector, self.shape.dim)[0]
        columns = self._columns()
        condition = None if where is None else predicate(where, columns)
        if self.shape.metric is Metric.COSINE and not has_direction(query):
            rows = [self._first(k, condition)]
        elif UNDIRECTED in columns:  # Lance's cosine has no score for these, or a wrong one
            rows = [
                self._nearest(query, k, _both(~holds(UNDIRECTED), condition)),
                self._first(k, _both(holds(UNDIRECTED), condition)),
            ]
        else:
            rows = [self._nearest(query, k, condition)]
        return _best([hit for found in rows for hit in self._compared(found, query, with_vectors)], k)

    def search_text(self, query: str, k: int, where: Filter | None, with_vectors: bool) -> tuple[Hit, ...]:
        if not self.shape.has_text:
            raise NotSupported("This vector database was made without text search. Use mode 'vector'.")
        asked = self._table.search(_WORDS(query, "text"), query_type="fts")
        if where is not None:
            asked = asked.where(predicate(where, self._columns()), prefilter=True)
        rows = asked.select([*ITEM, "vector", "_score"]).limit(k + TIES).to_arrow()
        return _best(self._hits(rows, rows["_score"].to_pylist(), with_vectors), k)

    def fields(self) -> Mapping[str, frozenset[FieldType]]:
        return lancedb_rows.fields(self._columns())

    def stats(self) -> IndexStats:
        self._columns()
        return IndexStats(self._table.count_rows(), self.place.size_bytes())

    def tend(self, ann_rows: int, keep_s: float) -> None:
        if self._table.count_rows() >= ann_rows and self._parts() not in range(1, MAX_PARTS + 1):
            index = IvfSq(distance_type=self.shape.metric.value)
            persist(lambda: self._table.create_index("vector", config=index, name=VECTORS), TEND_ATTEMPTS)
        if self._is_scattered() or self.place.old_versions(time.time() - keep_s) > MAX_OLD_VERSIONS:
            keep = timedelta(seconds=keep_s)
            persist(lambda: self._table.optimize(cleanup_older_than=keep), TEND_ATTEMPTS)

    def _commit(self, rows: Rows, deleted_ids: Sequence[str]) -> None:
        """One version of the table: readers see the one before it or this one."""
        if rows:
            self._add_columns(rows)
            merge = self._table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
            if deleted_ids:  # those among them that are also brought are replaced
                merge = merge.when_not_matched_by_source_delete(_has_id(deleted_ids))
            merge.execute(rows.table(self._table.schema))
        elif deleted_ids:
            self._table.delete(_has_id(deleted_ids))

    def _add_columns(self, rows: Rows) -> None:
        """Before the rows: it shows nothing to anybody, and another process may win the race to it."""
        there = self._columns()
        new = {name: type_ for name, type_ in rows.columns().items() if name not in there}
        count = lancedb_rows.count_fields([*there, *new])
        if count > MAX_FIELDS:
            raise InvalidInput(
                f"The metadata would bring this vector database to {count} fields; at most {MAX_FIELDS} are kept. "
                "Use fewer names, or nest what need not be filtered by."
            )
        if new:
            self._table.add_columns(pa.schema(list(new.items())))

    def _columns(self) -> frozenset[str]:
        """Raises IndexDamaged where there are none: Lance reads a manifest of zeros as that of an empty table."""
        names = frozenset(self._table.schema.names)
        if "id" not in names:
            raise IndexDamaged
        return names

    def _check_dim(self, dim: int) -> None:
        if dim != self.shape.dim:
            raise DimensionMismatch(
                f"The vectors have {dim} dimensions; this vector database has {self.shape.dim}. "
                "Use the embedding model that it was made with.",
                param="vector",
            )

    def _nearest(self, query: Matrix, k: int, condition: Expr | None) -> pa.Table:
        asked = self._table.search(query, query_type="vector", vector_column_name="vector")
        if condition is not None:
            asked = asked.where(condition, prefilter=True)
        asked = asked.distance_type(self.shape.metric.value).minimum_nprobes(CELLS).maximum_nprobes(0)
        return asked.refine_factor(REFINE).select([*ITEM, "vector", "_distance"]).limit(k + TIES).to_arrow()

    def _first(self, k: int, condition: Expr | None) -> pa.Table:
        asked = self._table.search()
        if condition is not None:
            asked = asked.where(condition)
        return asked.order_by(BY_ID).select([*ITEM, "vector"]).limit(k).to_arrow()

    def _compared(self, rows: pa.Table, query: Matrix, with_vectors: bool) -> list[Hit]:
        vectors = lancedb_rows.vectors(rows, self.shape.dim)
        return self._hits(rows, scores(self.shape.metric, vectors, query).tolist(), with_vectors)

    def _hits(self, rows: pa.Table, scored: Sequence[float], with_vectors: bool) -> list[Hit]:
        held = zip(lancedb_rows.found(rows, self.shape.dim), scored, strict=True)
        return [Hit(found.item, score, found.vector if with_vectors else None) for found, score in held]

    def _parts(self) -> int:
        """Of the vector index; 0 where there is none."""
        stats = self._table.index_stats(VECTORS)
        return 0 if stats is None else stats.num_indices or 1

    def _is_scattered(self) -> bool:
        unindexed = max((index.num_unindexed_rows or 0 for index in self._table.list_indices()), default=0)
        small: int = self._table.stats()["fragment_stats"]["num_small_fragments"]
        return small > MAX_FRAGMENTS or unindexed > MAX_UNINDEXED


def _has_id(ids: Collection[str]) -> Expr:
    return col("id").isin(sorted(set(ids)))


def _both(one: Expr, other: Expr | None) -> Expr:
    return one if other is None else one & other


def _best(hits: list[Hit], k: int) -> tuple[Hit, ...]:
    return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.item.id))[:k])
