"""Merging segments, crash-safe: the merged one is written first, and then those that it replaces are removed."""

from collections.abc import Iterator, Sequence
from itertools import chain, compress

from llmanager.vdb.compaction import Policy, Survivors, is_sparse, next_run, survivors
from llmanager.vdb.segments import Segment, Span, entry_of, tombstone_line
from llmanager.vdb.usecases.segment_blobs import Contents, SegmentBlobs


def compact(
    blobs: SegmentBlobs, resource: str, segments: Sequence[Segment], policy: Policy, live_items: int | None
) -> int:
    """How many segments others took the place of. Raises SegmentCorrupt, and what is Retryable."""
    replaced = 0
    kept = list(segments)
    if live_items is not None and is_sparse(kept, live_items):
        replaced += _thin_out(blobs, resource, kept)
    while run := next_run(kept, policy):
        start = kept.index(run[0])
        for segment in run:
            blobs.check(resource, segment)
        found = survivors(_entries(blobs, resource, run), keeps_deletes=start > 0)
        kept[start : start + len(run)] = [_replace(blobs, resource, run, found)]
        replaced += len(run)
    return replaced


def count_items(blobs: SegmentBlobs, resource: str, segments: Sequence[Segment]) -> int:
    """Those that are there after all of them."""
    return survivors(_entries(blobs, resource, segments), keeps_deletes=False).items


def _thin_out(blobs: SegmentBlobs, resource: str, segments: list[Segment]) -> int:
    """Rewrite those most of whose items are dead, from the last to the first. `segments` is changed."""
    later: set[str] = set()
    replaced = 0
    for number, segment in reversed(list(enumerate(segments))):
        blobs.check(resource, segment)
        found = survivors(_entries(blobs, resource, [segment]), keeps_deletes=number > 0, later=later)
        if 2 * found.items < segment.items:
            segments[number] = _replace(blobs, resource, [segment], found)
            replaced += 1
        later |= found.ids
    return replaced


def _entries(blobs: SegmentBlobs, resource: str, run: Sequence[Segment]) -> Iterator[tuple[str, bool]]:
    return (entry_of(line) for segment in run for line in blobs.lines(resource, segment))


def _replace(blobs: SegmentBlobs, resource: str, run: Sequence[Segment], found: Survivors) -> Segment:
    """The lines are copied as they are: what was exact stays so."""
    (dim,) = {segment.dim for segment in run if segment.items} or {None}  # a collection has one
    lines = chain.from_iterable(blobs.lines(resource, segment) for segment in run)
    rows = chain.from_iterable(blobs.vectors(resource, segment) for segment in run)
    merged = blobs.put(
        resource,
        Span(run[0].first_seq, run[-1].last_seq, 1 + max(segment.span.rewrite for segment in run)),
        Contents(
            items=found.items,
            deletes=len(found.deleted_ids),
            dim=dim if found.items else None,
            lines=chain(map(tombstone_line, found.deleted_ids), compress(lines, found.lines)),
            vectors=compress(rows, found.rows),
        ),
    )
    for segment in run:
        blobs.remove(resource, segment)
    return merged
