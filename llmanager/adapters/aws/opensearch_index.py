"""One index, as its readers and writers find it: questions together with the marker, bulk requests, refreshes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

from llmanager.adapters.aws import opensearch_queries as queries
from llmanager.adapters.aws.opensearch_documents import bodies, with_last
from llmanager.adapters.aws.opensearch_errors import Refused, known, no_answer, told
from llmanager.adapters.aws.opensearch_facets import Query
from llmanager.adapters.aws.opensearch_http import OpenSearch
from llmanager.adapters.aws.opensearch_kind import Kind
from llmanager.adapters.aws.opensearch_marker import Marker, marker_of
from llmanager.kernel.errors import Throttled
from llmanager.vdb.errors import IndexMissing

Hits = list[dict[str, Any]]

TRIES: Final = 10  # of a reader whom writers overtake
MAX_KNOWN: Final = 256  # markers that are remembered
GONE: Final = 404
THERE: Final = 409


class Indexes:
    """`name` is what OpenSearch calls the index. What is remembered of its marker is proven by each answer."""

    def __init__(self, http: OpenSearch, kind: Kind) -> None:
        self.http, self.kind = http, kind
        self._lock = threading.Lock()
        self._markers: OrderedDict[str, Marker] = OrderedDict()  # the least recently used first

    def asked(self, name: str, question: Callable[[Marker], dict[str, Any]]) -> tuple[Marker, Hits, dict[str, Any]]:
        """The marker, the hits behind it, and the whole answer: all of one moment. Raises IndexMissing, Throttled."""
        for _ in range(TRIES):
            marker = self._remembered(name) or self.newest(name)
            answer = self._searched(name, question(marker))
            hits: Hits = answer["hits"]["hits"]
            if marker.is_at_top_of(hits):
                return marker, hits[1:], answer
            self.forget(name)
        raise Throttled("Other writers keep the vector database busy. Try again soon.")

    def newest(self, name: str) -> Marker:
        """As searches see it now. Raises IndexMissing."""
        hits = self._searched(name, queries.newest_marker())["hits"]["hits"]
        if not hits:
            raise IndexMissing()  # being made, or half made
        marker = marker_of(hits[0]["_source"])
        self.remember(name, marker)
        return marker

    def remember(self, name: str, marker: Marker) -> None:
        with self._lock:
            self._markers[name] = marker
            self._markers.move_to_end(name)
            if len(self._markers) > MAX_KNOWN:
                self._markers.popitem(last=False)

    def forget(self, name: str) -> None:
        with self._lock:
            self._markers.pop(name, None)

    def sees(self, name: str, marker: Marker) -> bool:
        """Whether searches do, or a later one."""
        with suppress(IndexMissing):
            return self.newest(name).n >= marker.n
        return False

    def sent(self, name: str, lines: Iterable[bytes], *, what: str, may_fail: Collection[int] = ()) -> list[int]:
        """Bulk requests; the statuses of all entries. Searches see it all then, where anybody can make them.

        Deletes of what is not there are fine. Raises what the first entry that failed says.
        """
        statuses: list[int] = []
        sent_to = f"{name}/_bulk"
        for body, is_last in with_last(bodies(lines)):
            query = "refresh=true" if is_last and self.kind.can_refresh else ""
            answer = self.http.ask("POST", sent_to, body, what=what, query=query, expected=(GONE,))
            if answer.status == GONE:
                raise IndexMissing()
            statuses += [_checked(entry, what, may_fail) for entry in answer.body["items"]]
        return statuses

    def count(self, name: str, query: Query) -> int:
        found: int = self._searched(name, queries.documents(query, size=0))["hits"]["total"]["value"]
        return found

    def ids(self, name: str, query: Query) -> tuple[str, ...]:
        """Of the first MAX_AT_ONCE documents."""
        return tuple(hit["_id"] for hit in self._searched(name, queries.documents(query))["hits"]["hits"])

    def present(self, name: str, ids: Sequence[str]) -> tuple[str, ...]:
        """Which of these documents searches still see."""
        step = queries.MAX_AT_ONCE
        parts = (ids[start : start + step] for start in range(0, len(ids), step))
        return tuple(id_ for part in parts for id_ in self.ids(name, {"ids": {"values": list(part)}}))

    def _remembered(self, name: str) -> Marker | None:
        with self._lock:
            return self._markers.get(name)

    def _searched(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.http.ask("POST", f"{name}/_search", body, what="search", expected=(GONE,))
        if answer.status == GONE:
            self.forget(name)
            raise IndexMissing()
        found: dict[str, Any] = answer.body
        if found.get("timed_out") or found.get("_shards", {}).get("failed"):
            raise no_answer("search all of the vector database")
        return found


def _checked(entry: dict[str, dict[str, Any]], what: str, may_fail: Collection[int]) -> int:
    ((action, result),) = entry.items()
    status = int(result["status"])
    if status >= 300 and status not in may_fail and (action, status) != ("delete", GONE):
        type_, reason = told(result)
        raise known(status, type_, reason, what) or Refused(what, status, type_, reason)
    return status
