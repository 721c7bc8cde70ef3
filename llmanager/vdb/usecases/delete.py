from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from llmanager.kernel.errors import Conflict, Retryable
from llmanager.kernel.table import Action, Put
from llmanager.vdb import rows
from llmanager.vdb.entities import Collection
from llmanager.vdb.errors import BeingChanged
from llmanager.vdb.lifecycle import with_event
from llmanager.vdb.rows import Key
from llmanager.vdb.usecases.collections import Collections

ATTEMPTS = 5


def delete(vdbs: Collections, key: Key) -> None:
    """It reads as absent from the first write on. What cannot be removed now is removed by the sweep.

    Raises CollectionNotFound.
    """
    for _ in range(ATTEMPTS):
        with suppress(Conflict):  # its embedder was told in between
            return begin_delete(vdbs, vdbs.require(key), "asked for")
    raise BeingChanged(key[1])


def begin_delete(vdbs: Collections, collection: Collection, why: str, guards: Sequence[Action] = ()) -> None:
    """Raises Conflict if the collection changed meanwhile, or a guard does not hold."""
    events = with_event(collection.events, vdbs.clock.now(), "deleting", why)
    leaving = replace(collection, is_deleting=True, events=events)
    written, *_ = vdbs.table.transact([Put(rows.collection_row(leaving), collection.version), *guards])
    assert written is not None  # a Put always answers its row
    vdbs.changed(collection.resource)
    with suppress(Retryable):
        finish_delete(vdbs, replace(leaving, version=written.version))


def finish_delete(vdbs: Collections, leaving: Collection) -> None:
    """Index, segments, rows: in that order, so that nothing is left which no row tells of. Safe to repeat."""
    if not leaving.is_deleting:
        raise ValueError("only what reads as absent already may be removed")
    with vdbs.exclusive(leaving.resource):  # a write that runs ends first, the next one finds nothing
        vdbs.store.drop(leaving.resource)
        vdbs.log.drop(leaving.resource)
        with suppress(Conflict):  # another one has finished it
            vdbs.table.transact(rows.gone(leaving, vdbs.clock.now()))
    vdbs.changed(leaving.resource)
