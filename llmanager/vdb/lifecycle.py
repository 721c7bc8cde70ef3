"""What time and accidents ask to be done with a collection. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

from llmanager.vdb.entities import MAX_EVENTS, Collection, Event, Index, IndexState, Use

NOTE_EVERY_S = 30.0
TEND_AFTER_WRITES = 16
TEND_AFTER_IDLE_S = 60.0


class Due(StrEnum):
    FINISH_DELETE = "finish delete"
    DELETE = "delete"
    HIBERNATE = "hibernate"
    RESTORE = "restore"  # an index that was lost or half made, or a write whose end nobody saw


def due(collection: Collection, index: Index, use: Use, now: datetime, *, has_index: bool) -> Due | None:
    """`has_index`: the store holds something under the collection's name."""
    if collection.is_deleting:
        return Due.FINISH_DELETE
    if _is_past(deletes_at(collection, use), now):
        return Due.DELETE
    if index.state is IndexState.ASLEEP:
        return Due.HIBERNATE if has_index else None  # again: the drop was cut short
    if _is_past(sleeps_at(collection, index, use), now):
        return Due.HIBERNATE
    is_lost = collection.dim is not None and not has_index
    return Due.RESTORE if is_lost or not index.is_current else None


def sleeps_at(collection: Collection, index: Index, use: Use) -> datetime | None:
    if index.state is IndexState.ASLEEP or collection.sleep_after_s is None:
        return None
    return _last_use(collection, use) + timedelta(seconds=collection.sleep_after_s)


def deletes_at(collection: Collection, use: Use) -> datetime | None:
    """The earlier of the two: so long unused, so long after its creation."""
    ends = []
    if collection.delete_after_s is not None:
        ends.append(_last_use(collection, use) + timedelta(seconds=collection.delete_after_s))
    if (end := expires_at(collection)) is not None:
        ends.append(end)
    return min(ends, default=None)


def expires_at(collection: Collection) -> datetime | None:
    """The hard end of life. None: none."""
    return None if collection.ttl_s is None else collection.created_at + timedelta(seconds=collection.ttl_s)


def is_worth_noting(collection: Collection, use: Use, now: datetime) -> bool:
    """Whether a use now is to be written down: every 30 s, more often where so long unused already has an effect."""
    limits_s = [limit_s for limit_s in (collection.sleep_after_s, collection.delete_after_s) if limit_s is not None]
    every_s = min([NOTE_EVERY_S, *(limit_s / 4 for limit_s in limits_s)])
    return use.last_used_at is None or now - use.last_used_at >= timedelta(seconds=every_s)


def needs_tending(collection: Collection, index: Index, use: Use, now: datetime) -> bool:
    """After many writes soon, after few once nobody is at it."""
    if not index.is_up or collection.dim is None or collection.is_deleting:
        return False
    writes = index.last_seq - index.tended_seq
    is_idle = now - _last_use(collection, use) >= timedelta(seconds=TEND_AFTER_IDLE_S)
    return writes >= TEND_AFTER_WRITES or (writes > 0 and is_idle)


def why_deleted(collection: Collection, now: datetime) -> str:
    """Of what is due to be."""
    if _is_past(expires_at(collection), now):
        return "its time to live is over"
    return f"unused for {collection.delete_after_s} s"


def with_event(events: tuple[Event, ...], at: datetime, what: str, why: str = "") -> tuple[Event, ...]:
    return (*events, Event(at, what, why))[-MAX_EVENTS:]


def events(collection: Collection, index: Index) -> tuple[Event, ...]:
    """Of both, the oldest first. Rows of an earlier version have none."""
    return tuple(sorted((*collection.events, *index.events), key=lambda event: event.at))[-MAX_EVENTS:]


def status(index: Index) -> str:
    """What a user reads. An index that is made for the first time is not called restored."""
    is_first = index.state is IndexState.RESTORING and index.last_seq == 0
    return "creating" if is_first else index.state


def _last_use(collection: Collection, use: Use) -> datetime:
    return use.last_used_at or collection.created_at


def _is_past(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now
