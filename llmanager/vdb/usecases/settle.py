"""From segments to an index. Everything here is called alone with its collection."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from llmanager.vdb.entities import Collection, Index, IndexState, Shape, Vectors, Write
from llmanager.vdb.errors import IndexDamaged, IndexMissing
from llmanager.vdb.lifecycle import status, with_event
from llmanager.vdb.usecases.collections import Collections


def settle(vdbs: Collections, collection: Collection, *, damaged_build: int | None = None) -> Index:
    """Make the index what the segments say: whatever was interrupted is finished, or begun anew.

    `damaged_build`: the one that somebody could not read. Others who could not have perhaps mended it already.
    A crash at any point leaves a row that tells the next caller to do it again. Raises SegmentCorrupt.
    """
    index = vdbs.index(collection)
    if not index.is_up or index.build == damaged_build or not _is_there(vdbs, collection):
        return rebuild(vdbs, collection, index)
    return index if index.is_current else _caught_up(vdbs, collection, index)


def _is_there(vdbs: Collections, collection: Collection) -> bool:
    if collection.dim is None:
        return True  # nothing to hold yet
    try:
        vdbs.store.fields(collection.resource)
    except (IndexMissing, IndexDamaged):
        return False
    return True


def rebuild(vdbs: Collections, collection: Collection, index: Index) -> Index:
    """Drop the index and replay every segment."""
    is_first = status(index) == "creating"
    index = replace(index, state=IndexState.RESTORING, applied_seq=0, build=index.build + 1)
    index = vdbs.save_index(collection, index)
    resource = collection.resource
    if collection.dim is not None:
        vdbs.store.drop(resource)
        vdbs.store.create(resource, Shape(collection.dim, collection.metric, collection.has_text))
        vdbs.store.load(resource, _pieces(vdbs, resource))  # nobody reads the index before it is ready
    if not is_first:
        index = replace(index, events=with_event(index.events, vdbs.clock.now(), "restored"))
    return _ready(vdbs, collection, index)


def _pieces(vdbs: Collections, resource: str) -> Iterator[Write]:
    for segment in vdbs.log.segments(resource):
        for piece in vdbs.log.read(resource, segment):
            vdbs.go_on()
            yield piece


def _caught_up(vdbs: Collections, collection: Collection, index: Index) -> Index:
    """What a dead writer logged was promised to nobody, but may be there: so it becomes visible, whole."""
    resource = collection.resource
    for segment in vdbs.log.segments(resource):
        if segment.last_seq > index.applied_seq:
            vdbs.store.apply(resource, _whole(vdbs.log.read(resource, segment)))
    return _ready(vdbs, collection, index)


def _ready(vdbs: Collections, collection: Collection, index: Index) -> Index:
    index = vdbs.save_index(collection, replace(index, state=IndexState.READY, applied_seq=index.last_seq))
    vdbs.changed(collection.resource)
    return index


def _whole(pieces: Iterable[Write]) -> Write:
    """One write of a writer, in one: its limits are what memory has to hold."""
    parts = list(pieces)
    vectors = [part.vectors for part in parts if part.vectors is not None]
    return Write(
        items=tuple(item for part in parts for item in part.items),
        vectors=Vectors(vectors[0].dim, b"".join(v.data for v in vectors)) if vectors else None,
        deleted_ids=tuple(id_ for part in parts for id_ in part.deleted_ids),
    )
