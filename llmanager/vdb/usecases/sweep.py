"""What time and accidents ask for, over the collections of all tenants. Any number of processes may do it at once."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from llmanager.kernel.errors import Conflict, LLManagerError
from llmanager.vdb import rows
from llmanager.vdb.entities import Collection
from llmanager.vdb.errors import CollectionNotFound, IndexMissing
from llmanager.vdb.lifecycle import Due, due, needs_tending
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.delete import begin_delete, finish_delete
from llmanager.vdb.usecases.hibernate import hibernate_if_idle
from llmanager.vdb.usecases.restore import ready
from llmanager.vdb.usecases.settle import settle


class Sweep:
    """Call it every few seconds. One collection that fails holds up no other; the first error is raised at the end.

    What a dead server left half-done is finished. An index or a folder of segments without a row is removed when two
    calls in a row saw it.
    """

    def __init__(self, vdbs: Collections) -> None:
        self._vdbs = vdbs
        self._orphans: frozenset[str] = frozenset()

    def __call__(self) -> None:
        # Before the rows are read, for rows come before what they name: nothing made meanwhile is an orphan.
        indexes = frozenset(self._vdbs.store.indexes())
        held = indexes.union(self._vdbs.log.resources())
        collections = tuple(self._vdbs.every())
        orphans = held - {collection.resource for collection in collections}
        lost, self._orphans = orphans & self._orphans, orphans
        _do_all(partial(_remove, self._vdbs, resource) for resource in sorted(lost))
        _do_all(partial(_care, self._vdbs, c, has_index=c.resource in indexes) for c in collections)


def tend(vdbs: Collections) -> None:
    """Compact what has grown. May take minutes; searches go on, writes wait while segments are merged."""
    _do_all(partial(_tend, vdbs, collection) for collection in vdbs.every() if not collection.is_deleting)


def _do_all(steps: Iterable[Callable[[], None]]) -> None:
    first: LLManagerError | None = None
    for step in steps:
        try:
            step()
        except (CollectionNotFound, Conflict):
            continue  # deleted or used meanwhile: the next round decides on what is so then
        except LLManagerError as error:
            first = first or error
    if first is not None:
        raise first


def _care(vdbs: Collections, collection: Collection, *, has_index: bool) -> None:
    vdbs.go_on()
    index, use = vdbs.index(collection), vdbs.use(collection)
    match due(collection, index, use, vdbs.clock.now(), has_index=has_index):
        case Due.FINISH_DELETE:
            finish_delete(vdbs, collection)
        case Due.DELETE:
            begin_delete(vdbs, collection, [rows.unused_since(collection, use)])
        case Due.HIBERNATE:
            hibernate_if_idle(vdbs, collection.key)
        case Due.RESTORE:
            ready(vdbs, collection.key)


def _tend(vdbs: Collections, collection: Collection) -> None:
    vdbs.go_on()
    if not needs_tending(collection, vdbs.index(collection), vdbs.use(collection), vdbs.clock.now()):
        return
    with vdbs.alone(collection.key) as collection:
        index = settle(vdbs, collection)  # what is merged is in the index, so no replay begins in its middle
        vdbs.log.compact(collection.resource, live_items=vdbs.store.stats(collection.resource).count)
        vdbs.save_index(collection, replace(index, tended_seq=index.last_seq))
    with suppress(IndexMissing):  # hibernated meanwhile
        vdbs.store.tend(collection.resource)


def _remove(vdbs: Collections, resource: str) -> None:
    with vdbs.exclusive(resource):
        vdbs.store.drop(resource)
        vdbs.log.drop(resource)
