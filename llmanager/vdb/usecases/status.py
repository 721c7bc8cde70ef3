from dataclasses import dataclass
from datetime import datetime

from llmanager.vdb.entities import Collection, Event, Index, IndexStats
from llmanager.vdb.errors import IndexDamaged, IndexMissing
from llmanager.vdb.lifecycle import deletes_at, events, expires_at, sleeps_at
from llmanager.vdb.rows import Key
from llmanager.vdb.usecases.collections import Collections


@dataclass(frozen=True)
class Standing:
    """How a collection is, for people."""

    collection: Collection
    index: Index
    last_used_at: datetime | None
    sleeps_at: datetime | None
    deletes_at: datetime | None
    expires_at: datetime | None  # the hard end, whoever uses it
    events: tuple[Event, ...]  # the oldest first


@dataclass(frozen=True)
class Size:
    count: int  # items; while it is asleep as many as it had before
    index_bytes: int
    segments: int
    segment_bytes: int


def standing(vdbs: Collections, collection: Collection) -> Standing:
    """From rows alone. Raises CollectionNotFound where it is gone meanwhile."""
    index, use = vdbs.index(collection), vdbs.use(collection)
    return Standing(
        collection,
        index,
        use.last_used_at,
        sleeps_at=sleeps_at(collection, index, use),
        deletes_at=deletes_at(collection, use),
        expires_at=expires_at(collection),
        events=events(collection, index),
    )


def measure(vdbs: Collections, standing: Standing) -> Size:
    resource = standing.collection.resource
    segments = vdbs.log.segments(resource)
    try:
        stats = vdbs.store.stats(resource) if standing.index.is_up else IndexStats(standing.index.count, 0)
    except (IndexMissing, IndexDamaged):  # nothing was ever written, hibernated in between, or an accident
        stats = IndexStats(vdbs.log.count(resource), 0)
    return Size(stats.count, stats.size_bytes, len(segments), sum(segment.size_bytes for segment in segments))


def status(vdbs: Collections, key: Key) -> tuple[Standing, Size]:
    """Wakes nothing and is no use. Raises CollectionNotFound."""
    found = standing(vdbs, vdbs.require(key))
    return found, measure(vdbs, found)
