"""Which indexes there are, without asking a store that sleeps while nobody does: each question would keep it awake.

Where a collection was used lately the store is awake, and is asked; else the rows tell what should be there.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from llmanager.vdb.ports import VectorStore
from llmanager.vdb.usecases.collections import Collections

AWAKE_S = 300.0  # OpenSearch Serverless sleeps after ten minutes without a request


class _ByRows:
    def __init__(self, store: VectorStore, indexes: Callable[[], tuple[str, ...]]) -> None:
        self._store, self.indexes = store, indexes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def with_indexes_by_rows(vdbs: Collections) -> Collections:
    """The same collections, for a sweep every minute."""

    def indexes() -> tuple[str, ...]:
        awake_since = vdbs.clock.now() - timedelta(seconds=AWAKE_S)
        there = []
        for collection in vdbs.every():
            used_at = vdbs.use(collection).last_used_at or collection.created_at
            if used_at >= awake_since:
                return vdbs.store.indexes()
            if vdbs.index(collection).is_up:
                there.append(collection.resource)
        return tuple(there)

    return replace(vdbs, store=cast(VectorStore, _ByRows(vdbs.store, indexes)))
