"""The bodies of searches, one builder a question. Pure.

Each also asks for the newest marker, which comes back as the first hit: see opensearch_marker.py.
"""

from collections.abc import Sequence
from typing import Any, Final

from llmanager.adapters.aws.opensearch_documents import KEPT, STAMP
from llmanager.adapters.aws.opensearch_facets import UNDIRECTED, Query, query_of
from llmanager.adapters.aws.opensearch_marker import Marker, living, marker_itself
from llmanager.adapters.aws.opensearch_scores import numbers
from llmanager.adapters.aws.opensearch_words import words
from llmanager.vdb.filters import Filter

Body = dict[str, Any]

TIES: Final = 16  # more than are wanted are fetched, so that equal scores at the end are cut by id
MIN_CANDIDATES: Final = 100  # of a search in the graph: fewer would miss more
FIRST_OF_ALL: Final = 3e38  # a score above any other, for the marker
MAX_AT_ONCE: Final = 1_000  # ids of one question

_BY_MARKER: Final = {"n": {"order": "desc", "missing": "_last"}}
_BY_ID: Final = {"id": {"order": "asc"}}


def newest_marker() -> Body:
    return {"size": 1, "query": {"exists": {"field": "n"}}, "sort": [_BY_MARKER]}


def nearest(marker: Marker, vector: bytes, k: int, where: Filter | None) -> Body:
    candidates = max(k + TIES, MIN_CANDIDATES)
    knn = {"vector": list(numbers(vector)), "k": candidates, "filter": _filtered(marker, where)}
    return _scored(marker, {"knn": {"vector": knn}}, k)


def with_words(marker: Marker, query: str, k: int, where: Filter | None) -> Body:
    match = {"match": {"text": {"query": words(query)}}}
    return _scored(marker, {"bool": {"must": [match], "filter": [_filtered(marker, where)]}}, k)


def first(marker: Marker, k: int, where: Filter | None, *, undirected_only: bool = False) -> Body:
    """By id, of those that all have the same score."""
    only = [{"terms": {"facets": [UNDIRECTED]}}] if undirected_only else []
    return _listed(marker, {"bool": {"filter": [_filtered(marker, where), *only]}}, k, KEPT)


def page(marker: Marker, after: str, limit: int) -> Body:
    behind = [{"range": {"id": {"gt": after}}}] if after else []
    return _listed(marker, {"bool": {"filter": [living(marker), *behind]}}, limit, KEPT)


def by_id(marker: Marker, ids: Sequence[str]) -> Body:
    """At most MAX_AT_ONCE."""
    return _listed(marker, _of_ids(marker, ids), len(ids), KEPT)


def versions(marker: Marker, ids: Sequence[str]) -> Body:
    """As by_id, but only which versions those are."""
    return _listed(marker, _of_ids(marker, ids), len(ids), [])


def marker_alone(marker: Marker) -> Body:
    return _listed(marker, {"match_none": {}}, 0, [])


def sums(marker: Marker) -> Body:
    body = _listed(marker, living(marker), 0, [])
    return body | {"track_total_hits": True, "aggs": {"bytes": {"sum": {"field": "bytes"}}}}


def documents(query: Query, size: int = MAX_AT_ONCE) -> Body:
    """Which documents there are, whatever any marker says."""
    return {"size": size, "_source": False, "query": query, "track_total_hits": True}


def _filtered(marker: Marker, where: Filter | None) -> Query:
    return living(marker) if where is None else {"bool": {"filter": [living(marker), query_of(where)]}}


def _of_ids(marker: Marker, ids: Sequence[str]) -> Query:
    return {"bool": {"filter": [living(marker), {"terms": {"id": list(ids)}}]}}


def _scored(marker: Marker, question: Query, k: int) -> Body:
    itself = {"constant_score": {"filter": marker_itself(marker), "boost": FIRST_OF_ALL}}
    return {
        "size": k + TIES + 1,
        "_source": [*STAMP, *KEPT],
        "query": {"bool": {"should": [question, itself]}},
        "sort": ["_score", _BY_MARKER, _BY_ID],
        "track_total_hits": False,
    }


def _listed(marker: Marker, question: Query, size: int, kept: list[str]) -> Body:
    return {
        "size": size + 1,
        "_source": [*STAMP, *kept],
        "query": {"bool": {"should": [question, marker_itself(marker)]}},
        "sort": [_BY_MARKER, _BY_ID],
        "track_total_hits": False,
    }
