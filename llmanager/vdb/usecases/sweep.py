"""What time and accidents ask for, over the collections of all tenants. Any number of processes may do it at once."""

from contextlib import suppress
from dataclasses import replace
from functools import partial

from llmanager.vdb import rows
from llmanager.vdb.entities import Collection
from llmanager.vdb.errors import IndexMissing
from llmanager.vdb.lifecycle import Due, due, needs_tending
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.delete import begin_delete, finish_delete
from llmanager.vdb.usecases.hibernate import hibernate_if_idle
from llmanager.vdb.usecases.patience import Patience, Step
from llmanager.vdb.usecases.settle import settle


class Sweep:
    """Call it every few seconds; the first call finishes what a dead server left half-done.

    One collection that fails holds up no other; the first error is raised at the end. An index or a folder of segments
    without a row is removed when two calls in a row saw it.
    """

    def __init__(self, vdbs: Collections) -> None:
        self._vdbs = vdbs
        self._patience = Patience(vdbs.clock)
        self._orphans: frozenset[str] = frozenset()

    def __call__(self) -> None:
        # Before the rows are read, for rows come before what they name: nothing made meanwhile is an orphan.
        indexes = frozenset(self._vdbs.store.indexes())
        held = indexes.union(self._vdbs.log.resources())
        collections = tuple(self._vdbs.every())
        orphans = held - {collection.resource for collection in collections}
        lost, self._orphans = orphans & self._orphans, orphans
        steps: list[tuple[str, Step]] = [
            (resource, partial(_remove, self._vdbs, resource)) for resource in sorted(lost)
        ]
        steps += [(c.resource, partial(_care, self._vdbs, c, has_index=c.resource in indexes)) for c in collections]
        self._patience.do_all(steps)


class Tend:
    """Compact what has grown. May take minutes; searches go on, writes wait while segments are merged."""

    def __init__(self, vdbs: Collections) -> None:
        self._vdbs = vdbs
        self._patience = Patience(vdbs.clock)

    def __call__(self) -> None:
        collections = (collection for collection in self._vdbs.every() if not collection.is_deleting)
        self._patience.do_all((c.resource, partial(_tend, self._vdbs, c)) for c in collections)


def _care(vdbs: Collections, collection: Collection, *, has_index: bool) -> None:
    index, use = vdbs.index(collection), vdbs.use(collection)
    match due(collection, index, use, vdbs.clock.now(), has_index=has_index):
        case Due.FINISH_DELETE:
            finish_delete(vdbs, collection)
        case Due.DELETE:
            begin_delete(vdbs, collection, [rows.unused_since(collection, use)])
        case Due.HIBERNATE:
            hibernate_if_idle(vdbs, collection.key)
        case Due.RESTORE:
            with vdbs.alone(collection.key) as collection:
                settle(vdbs, collection)


def _tend(vdbs: Collections, collection: Collection) -> None:
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
