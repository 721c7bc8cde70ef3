"""The VectorStore port on OpenSearch: an index there for each index here. Serverless, a domain, or one of your own."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from llmanager.adapters.aws import opensearch_queries as queries
from llmanager.adapters.aws.opensearch_documents import best, found, hits
from llmanager.adapters.aws.opensearch_errors import error_of, told
from llmanager.adapters.aws.opensearch_http import OpenSearch
from llmanager.adapters.aws.opensearch_index import GONE, Hits, Indexes
from llmanager.adapters.aws.opensearch_kind import Kind
from llmanager.adapters.aws.opensearch_marker import Marker
from llmanager.adapters.aws.opensearch_scores import has_direction, scorer
from llmanager.adapters.aws.opensearch_shape import creation, index_name, ours
from llmanager.adapters.aws.opensearch_writes import Writes, check_dim
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import Conflict, NotSupported
from llmanager.vdb.entities import FLOAT_BYTES, Found, Hit, IndexStats, Item, Metric, Shape, Write
from llmanager.vdb.errors import IndexMissing
from llmanager.vdb.filters import Filter
from llmanager.vdb.ports import FieldType

MAX_SEGMENTS: Final = 12  # each has a graph of its own, which every search walks
_EXISTS: Final = "resource_already_exists_exception"


class OpenSearchVectorStore:
    """`prefix` begins the names of its indexes, so that several stages may share one OpenSearch."""

    def __init__(self, http: OpenSearch, kind: Kind, prefix: str, clock: Clock) -> None:
        self._http, self._kind, self._prefix = http, kind, prefix
        self._indexes = Indexes(http, kind)
        self._writes = Writes(self._indexes, clock)

    def create(self, index: str, shape: Shape) -> None:
        name = self._name(index)
        is_new = self._make(index, shape)
        if not is_new and not self._is_ours(index):
            self.drop(index)  # OpenSearch made it, for a write that came after a drop
            is_new = self._make(index, shape)
        if is_new or not self._has_marker(name):
            self._writes.begin(name, Marker(n=0, generation=secrets.token_hex(8), shape=shape))
        if self._indexes.newest(name).shape != shape:
            raise Conflict("The index exists with another shape. Drop it first.")

    def drop(self, index: str) -> None:
        name = self._name(index)
        self._http.ask("DELETE", name, what="delete an index", expected=(GONE,))
        self._indexes.forget(name)

    def apply(self, index: str, write: Write) -> None:
        self._writes.apply(self._name(index), write)

    def load(self, index: str, writes: Iterable[Write]) -> None:
        self._writes.load(self._name(index), writes)

    def get(self, index: str, ids: Sequence[str]) -> tuple[Found, ...]:
        held: dict[str, Found] = {}
        for start in range(0, max(len(ids), 1), queries.MAX_AT_ONCE):
            part = list(dict.fromkeys(ids[start : start + queries.MAX_AT_ONCE]))
            _, rows, _ = self._asked(index, lambda marker, part=part: queries.by_id(marker, part))
            held |= {one.item.id: one for one in (found(row["_source"]) for row in rows)}
        return tuple(held[id_] for id_ in ids if id_ in held)

    def list(self, index: str, *, after: str = "", limit: int = 100) -> tuple[Item, ...]:
        _, rows, _ = self._asked(index, lambda marker: queries.page(marker, after, limit))
        return tuple(found(row["_source"]).item for row in rows)

    def search(
        self, index: str, vector: bytes, *, k: int, where: Filter | None = None, with_vectors: bool = False
    ) -> tuple[Hit, ...]:
        def question(marker: Marker) -> dict[str, Any]:
            check_dim(marker, len(vector) // FLOAT_BYTES)
            if marker.shape.metric is Metric.COSINE and not has_direction(vector):
                return queries.first(marker, k, where)  # all have the score 0
            return queries.nearest(marker, vector, k, where)

        marker, rows, _ = self._asked(index, question)
        if marker.has_undirected:
            _, more, _ = self._asked(index, lambda marker: queries.first(marker, k, where, undirected_only=True))
            rows = [*rows, *more]
        score = scorer(marker.shape.metric, vector)
        return best(hits(_once(rows), lambda _, held: score(held), with_vectors=with_vectors), k)

    def search_text(
        self, index: str, query: str, *, k: int, where: Filter | None = None, with_vectors: bool = False
    ) -> tuple[Hit, ...]:
        def question(marker: Marker) -> dict[str, Any]:
            if not marker.shape.has_text:
                raise NotSupported("This vector database was made without text search. Use mode 'vector'.")
            return queries.with_words(marker, query, k, where)

        _, rows, _ = self._asked(index, question)
        return best(hits(rows, lambda row, _: float(row["_score"]), with_vectors=with_vectors), k)

    def fields(self, index: str) -> Mapping[str, frozenset[FieldType]]:
        marker, _, _ = self._asked(index, queries.marker_alone)
        named: dict[str, frozenset[FieldType]] = {}
        for name, type_ in marker.fields:
            named[name] = named.get(name, frozenset()) | {type_}
        return named

    def stats(self, index: str) -> IndexStats:
        """The bytes of what is held, not of how: OpenSearch does not say that everywhere."""
        _, _, answer = self._asked(index, queries.sums)
        count = answer["hits"]["total"]["value"] - 1
        return IndexStats(count, int(answer["aggregations"]["bytes"]["value"]))

    def tend(self, index: str) -> None:
        name = self._name(index)
        self._writes.tend(name)
        if self._kind.can_refresh and self._segments(name) > MAX_SEGMENTS:
            self._http.ask("POST", f"{name}/_forcemerge", what="merge an index", query="max_num_segments=1")

    def indexes(self) -> tuple[str, ...]:
        """By a pattern: serverless lists `GET <index>/_mapping`, and no `_mapping` of everything there is."""
        answer = self._http.ask("GET", f"{self._prefix}*/_mapping", what="list indexes", expected=(GONE,))
        return () if answer.status == GONE else ours(self._prefix, answer.body)

    def _make(self, index: str, shape: Shape) -> bool:
        """False: it is there."""
        body = creation(self._prefix, index, shape, self._kind)
        answer = self._http.ask("PUT", self._name(index), body, what="make an index", expected=(400,))
        if answer.status < 300:
            return True
        if told(answer.body)[0] != _EXISTS:
            raise error_of(answer.status, answer.body, "make an index")
        return False

    def _has_marker(self, name: str) -> bool:
        with suppress(IndexMissing):
            self._indexes.newest(name)
            return True
        return False

    def _is_ours(self, index: str) -> bool:
        path = f"{self._name(index)}/_mapping"
        answer = self._http.ask("GET", path, what="look at an index", expected=(GONE,))
        return answer.status != GONE and ours(self._prefix, answer.body) == (index,)

    def _name(self, index: str) -> str:
        return index_name(self._prefix, index)

    def _asked(self, index: str, question: Any) -> tuple[Marker, Hits, dict[str, Any]]:
        return self._indexes.asked(self._name(index), question)

    def _segments(self, name: str) -> int:
        answer = self._http.ask("GET", f"{name}/_stats/segments", what="look at an index")
        count: int = answer.body["_all"]["primaries"]["segments"]["count"]
        return count


def _once(rows: Hits) -> Hits:
    """Two searches may bring the same item, where a writer was between them: the later one counts."""
    return list({row["_source"]["id"]: row for row in rows}.values())
