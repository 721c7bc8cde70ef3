"""Which segments to merge, and what of them survives. Pure."""

from collections.abc import Container, Iterable, Iterator, KeysView, Sequence
from dataclasses import dataclass
from itertools import compress, groupby

from llmanager.vdb.segments import Segment

KIB, MIB = 1024, 1024 * 1024


@dataclass(frozen=True)
class Tier:
    """So many neighbours that are smaller than this are merged."""

    below_bytes: int
    neighbours: int


@dataclass(frozen=True)
class Policy:
    """A byte is rewritten about once a tier and `neighbours` appends; a large segment is left alone.

    `max_bytes` has room for the fewest neighbours of the largest tier, or those are never merged.
    """

    tiers: tuple[Tier, ...] = (Tier(256 * KIB, 8), Tier(4 * MIB, 16))
    max_bytes: int = 64 * MIB  # of a merged segment


@dataclass(frozen=True)
class Survivors:
    """Of a run of segments: what its effect needs, each id once."""

    deleted_ids: tuple[str, ...]
    lines: bytearray  # 1 for each line of an item that stays
    rows: bytearray  # the same for each vector
    ids: KeysView[str]  # all that are spoken of

    @property
    def items(self) -> int:
        return sum(self.rows)


def next_run(segments: Sequence[Segment], policy: Policy) -> Sequence[Segment]:
    """Neighbours to merge now; empty where there is nothing to gain."""
    for tier in policy.tiers:
        for run in _runs(segments, tier.below_bytes):
            fitting = _fitting(run, policy.max_bytes)
            if len(fitting) >= tier.neighbours:
                return fitting
    return ()


def is_sparse(segments: Sequence[Segment], live_items: int) -> bool:
    """More than half of the items are dead: then more than half of some segment's are, and rewriting it gains."""
    return sum(segment.items for segment in segments) > 2 * live_items


def survivors(
    entries: Iterable[tuple[str, bool]], *, keeps_deletes: bool, later: Container[str] = frozenset()
) -> Survivors:
    """`entries`: the run's lines in order, as ids and whether that one is deleted.

    `keeps_deletes`: there is something older, which the deletes still have to reach. What is spoken of in `later`
    writes again need not stay.
    """
    last: dict[str, int] = {}  # where an id was spoken of last; -1: it was deleted
    is_item = bytearray()
    for number, (id_, is_deleted) in enumerate(entries):
        last[id_] = -1 if is_deleted else number
        is_item.append(not is_deleted)
    lines = bytearray(len(is_item))
    for id_, number in last.items():
        if number >= 0 and id_ not in later:
            lines[number] = 1
    deleted_ids = (id_ for id_, number in last.items() if number < 0 and id_ not in later)
    return Survivors(
        tuple(deleted_ids) if keeps_deletes else (), lines, bytearray(compress(lines, is_item)), last.keys()
    )


def _runs(segments: Sequence[Segment], below_bytes: int) -> Iterator[list[Segment]]:
    for is_small, run in groupby(segments, lambda segment: segment.size_bytes < below_bytes):
        if is_small:
            yield list(run)


def _fitting(run: Sequence[Segment], max_bytes: int) -> Sequence[Segment]:
    total = 0
    for count, segment in enumerate(run):
        total += segment.size_bytes
        if total > max_bytes:
            return run[:count]
    return run
