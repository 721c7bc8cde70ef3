"""A segment first, then the index: a write is there whole or not at all, whatever dies when."""

from contextlib import suppress
from dataclasses import replace

from llmanager.kernel.errors import LLManagerError, Retryable
from llmanager.vdb.entities import Collection, Index
from llmanager.vdb.entities import Write as Change
from llmanager.vdb.errors import IndexDamaged, IndexMissing, WriteUnsettled
from llmanager.vdb.limits import check_new_fields, check_write
from llmanager.vdb.rows import Key
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.create import bind
from llmanager.vdb.usecases.settle import rebuild, settle


def write(vdbs: Collections, key: Key, change: Change) -> int:
    """How many items were written. A hibernated collection is restored first.

    After an error repeating it is safe. Raises CollectionNotFound, DimensionMismatch, InvalidInput, ItemTooLarge,
    WriteTooLarge, SegmentCorrupt, and what is Retryable.
    """
    check_write(change)
    if not change.items and not change.deleted_ids:
        return 0
    if change.vectors is not None:
        bind(vdbs, key, model=None, dim=change.vectors.dim)
    with vdbs.alone(key) as collection:
        index = settle(vdbs, collection)
        if collection.dim is None:
            return 0  # only deletes, and nothing was ever written
        check_new_fields(vdbs.store.fields(collection.resource), change.items)
        _write(vdbs, collection, index, change)
    vdbs.note_use(collection)
    vdbs.changed(collection.resource)
    return len(change.items)


def _write(vdbs: Collections, collection: Collection, index: Index, change: Change) -> None:
    """The row with the new number is the intent: from then on the index counts as behind."""
    index = vdbs.save_index(collection, replace(index, last_seq=index.last_seq + 1))
    segment = vdbs.log.append(collection.resource, index.last_seq, change)
    try:
        vdbs.store.apply(collection.resource, change)
    except (IndexMissing, IndexDamaged):
        rebuild(vdbs, collection, index)  # from the segments, of which the new one is the last
        return
    except WriteUnsettled:
        raise  # perhaps it is visible: the segment stays, and the next settling makes it so in any case
    except LLManagerError:
        with suppress(Retryable):  # if it stays, the next settling makes it visible, whole
            vdbs.log.remove(collection.resource, segment)
        raise
    with suppress(Retryable):  # it is written and visible; a row that is behind costs one more apply of the same
        vdbs.save_index(collection, replace(index, applied_seq=index.last_seq))
