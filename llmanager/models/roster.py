"""Which replicas start, which leave and which stop while a model is to run. Pure.

A replica that is one too many, or of an old revision, first *leaves*: the row says so, new requests go elsewhere, and
it is stopped once the requests that it has are done. During an update new replicas start beside the old ones, which
leave when the new ones are ready; where there is no room for both, the old ones leave first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count, islice

from llmanager.models.entities import Model, Observation, Replica, ReplicaState
from llmanager.models.sight import Sight

DRAIN_S = 60.0  # how long open requests are waited for when a replica stops by a user's will
LIVE = (ReplicaState.STARTING, ReplicaState.READY)


@dataclass(frozen=True)
class Roster:
    replicas: tuple[Replica, ...]  # as the row tells them, leaving ones marked
    starts: tuple[int, ...] = ()
    stops: tuple[int, ...] = ()
    needs_no_use: bool = False  # a stop that counts on nobody's using the model
    is_waiting: bool = False  # for a replica that stops or is to: look again soon


def roster(model: Model, before: Observation, sight: Sight, wanted: int, now: datetime, *, may_start: bool) -> Roster:
    """`before`: the replicas of the row as it was; `wanted`: how many are to run."""
    replicas = _carried(before, sight.seen.replicas)
    live = [r for r in replicas if r.state in LIVE and r.leaving_at is None]
    fresh = [r for r in live if is_fresh(r, model) or sight.traits.replaces_in_place]
    leaving = _told_to_leave(model, sight, live, fresh, wanted)
    marked = tuple(_leaving(r, now) if r.index in leaving else r for r in replicas)
    stops, is_unsure = _stops(marked, before, sight, now)
    # One that is said to stop gets no request from then on, whatever the host still shows.
    shown = tuple(replace(r, state=ReplicaState.STOPPING) if r.leaving_at and r.state in LIVE else r for r in marked)
    starts = _starts(model, replicas, live, fresh, wanted) if may_start else ()
    failed = [r.index for r in replicas if r.state is ReplicaState.FAILED and len(fresh) + len(starts) >= wanted]
    is_waiting = any(r.state in (ReplicaState.STARTING, ReplicaState.STOPPING) for r in shown)
    return Roster(
        replicas=shown,
        starts=starts,
        stops=tuple(sorted({*stops, *failed} - set(starts))),
        needs_no_use=is_unsure,
        is_waiting=is_waiting or bool(failed),
    )


def is_fresh(replica: Replica, model: Model) -> bool:
    return replica.revision in (0, model.revision)


def with_starting(replicas: Sequence[Replica], starts: Sequence[int], before: Observation) -> tuple[Replica, ...]:
    """The row says "starting" before the host is asked, so that a failure right after is a new one."""
    waiting = {r.index: r for r in before.replicas if r.state is ReplicaState.STARTING}  # their stage says for what
    starting = [waiting.get(index, Replica(index, ReplicaState.STARTING)) for index in starts]
    others = [r for r in replicas if r.index not in starts]
    return tuple(sorted([*others, *starting], key=lambda r: r.index))


def _carried(before: Observation, seen: Sequence[Replica]) -> tuple[Replica, ...]:
    """Hosts do not know who leaves: the row does."""
    left_at = {(r.index, r.revision): r.leaving_at for r in before.replicas}
    return tuple(replace(r, leaving_at=left_at.get((r.index, r.revision))) for r in seen)


def _told_to_leave(
    model: Model, sight: Sight, live: Sequence[Replica], fresh: Sequence[Replica], wanted: int
) -> frozenset[int]:
    ready = sum(r.state is ReplicaState.READY for r in fresh)
    stale = [r.index for r in live if r not in fresh]
    if model.may_surge and ready < wanted:
        stale = []
    by_worth = sorted(fresh, key=lambda r: r.state is not ReplicaState.READY)  # what serves stays
    surplus = [] if sight.traits.scales_itself else [r.index for r in by_worth][wanted:]
    return frozenset([*stale, *surplus])


def _leaving(replica: Replica, now: datetime) -> Replica:
    return replica if replica.leaving_at else replace(replica, leaving_at=now)


def _stops(
    replicas: Sequence[Replica], before: Observation, sight: Sight, now: datetime
) -> tuple[tuple[int, ...], bool]:
    """Those that may stop now. True: only if nobody uses the model.

    Where this process knows its requests, one that was told to leave just now may be given one more by a route that
    was read before: it stops at the next look.
    """
    told = {(r.index, r.revision) for r in before.replicas if r.leaving_at}
    stops, is_unsure = [], False
    for replica in (r for r in replicas if r.leaving_at and r.state in LIVE):
        is_news = replica.state is ReplicaState.READY and (replica.index, replica.revision) not in told
        is_late = replica.leaving_at is not None and now >= replica.leaving_at + timedelta(seconds=DRAIN_S)
        if is_late or replica.state is ReplicaState.STARTING:
            stops.append(replica.index)
        elif not sight.is_busy(replica.index, now) and not (is_news and sight.busy is not None):
            stops.append(replica.index)
            is_unsure = is_unsure or sight.busy is None
    return tuple(stops), is_unsure


def _starts(
    model: Model, replicas: Sequence[Replica], live: Sequence[Replica], fresh: Sequence[Replica], wanted: int
) -> tuple[int, ...]:
    """A failed one's index is used again; one that stops is waited for, unless it is being replaced."""
    is_replacing = any(r.leaving_at for r in replicas) or len(live) > len(fresh)
    if is_replacing and not model.may_surge and any(r.state is not ReplicaState.FAILED for r in replicas):
        return ()
    stopping = 0 if is_replacing else sum(r.state is ReplicaState.STOPPING for r in replicas)
    missing = wanted - len(fresh) - stopping
    failed = [r.index for r in replicas if r.state is ReplicaState.FAILED]
    taken = {r.index for r in replicas}
    free = (index for index in count() if index not in taken)
    return tuple(sorted([*failed, *islice(free, max(0, missing))][: max(0, missing)]))
