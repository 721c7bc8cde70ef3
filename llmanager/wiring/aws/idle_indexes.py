"""What the stores hold, told without asking them every minute: a sleeping index would wake, and S3 bills each list.

Where a collection was used lately the index store is awake, and is asked; else the rows tell what should be there. What
has segments is listed seldom, and at once while something of it has no row: a sweep looks twice before it removes that.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from llmanager.vdb.ports import VectorStore
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.log import SegmentLog

AWAKE_S = 300.0  # OpenSearch Serverless sleeps after ten minutes without a request
LISTED_S = 600.0


class _Instead:
    """`target`, one of whose methods is another."""

    def __init__(self, target: object, name: str, method: Callable[[], tuple[str, ...]]) -> None:
        self._target = target
        setattr(self, name, method)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)


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

    return replace(vdbs, store=cast(VectorStore, _Instead(vdbs.store, "indexes", indexes)))


def with_segments_listed_seldom(vdbs: Collections) -> Collections:
    """The same; what is remembered belongs to the answer."""
    listed: list[str] = []
    listed_at: datetime | None = None

    def resources() -> tuple[str, ...]:
        nonlocal listed_at
        now = vdbs.clock.now()
        is_fresh = listed_at is not None and now < listed_at + timedelta(seconds=LISTED_S)
        if not is_fresh or set(listed) - {collection.resource for collection in vdbs.every()}:
            listed[:] = vdbs.log.resources()
            listed_at = now
        return tuple(listed)

    return replace(vdbs, log=cast(SegmentLog, _Instead(vdbs.log, "resources", resources)))
