from collections.abc import Sequence
from dataclasses import replace

from llmanager.kernel.table import Action
from llmanager.vdb.entities import Collection, Index, IndexState
from llmanager.vdb.errors import BeingChanged, IndexDamaged, IndexMissing
from llmanager.vdb.lifecycle import Due, due, with_event
from llmanager.vdb.rows import Key, unused_since
from llmanager.vdb.usecases.collections import Collections


def hibernate(vdbs: Collections, key: Key) -> Collection:
    """Drop the index; the segments stay, and the next use restores it. Asleep already: what is left of it goes.

    Raises CollectionNotFound, SegmentCorrupt (then the index stays: it may hold what the segments lost), and what is
    Retryable.
    """
    with vdbs.alone(key) as collection:
        _drop_index(vdbs, collection, "asked for")
    return collection


def hibernate_if_idle(vdbs: Collections, key: Key) -> bool:
    """Decided again on what is so once nobody writes, and not done where a use is noted in the meantime."""
    with vdbs.alone(key) as collection:
        index, use = vdbs.index(collection), vdbs.use(collection)
        is_idle = due(collection, index, use, vdbs.clock.now(), has_index=True) is Due.HIBERNATE
        if not is_idle:
            return False
        try:
            _drop_index(vdbs, collection, f"idle for {collection.sleep_after_s} s", [unused_since(collection, use)])
        except BeingChanged:
            return False
    return True


def _drop_index(vdbs: Collections, collection: Collection, why: str, guards: Sequence[Action] = ()) -> None:
    """The row first: from then on nobody takes what is left of the index for it."""
    index = vdbs.index(collection)
    if index.state is not IndexState.ASLEEP:
        vdbs.log.check(collection.resource)  # without the index they are all there is
        count = _count(vdbs, collection, index)
        asleep = replace(index, state=IndexState.ASLEEP, applied_seq=0, build=index.build + 1, count=count)
        events = with_event(index.events, vdbs.clock.now(), "hibernated", why)
        vdbs.save_index(collection, replace(asleep, events=events), guards)
        vdbs.changed(collection.resource)
    vdbs.store.drop(collection.resource)


def _count(vdbs: Collections, collection: Collection, index: Index) -> int:
    if not index.is_up:
        return index.count  # as many as before the restoring that was not finished
    try:
        return vdbs.store.stats(collection.resource).count
    except (IndexMissing, IndexDamaged):
        return vdbs.log.count(collection.resource)
