"""What time and accidents ask for, over the collections of all tenants. Any number of processes may do it at once."""

from contextlib import suppress
from dataclasses import replace
from functools import partial

from llmanager.kernel.orphans import OrphansInDoubt, Resource, judge
from llmanager.vdb import rows
from llmanager.vdb.entities import Collection
from llmanager.vdb.errors import IndexMissing
from llmanager.vdb.lifecycle import Due, due, needs_tending, why_deleted
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.delete import begin_delete, finish_delete
from llmanager.vdb.usecases.hibernate import hibernate_if_idle
from llmanager.vdb.usecases.patience import Patience, Step
from llmanager.vdb.usecases.settle import settle

ALARM = "orphans"  # what is paused while it is told
BY_HAND = "take their folders out of the blob store below vdb/ while no server runs, if nobody misses them"


class Sweep:
    """Call it every few seconds; the first call finishes what a dead server left half-done.

    One collection that fails holds up no other; the first error is raised at the end. What two calls in a row saw
    without a row goes if its collection is known to be deleted; else, and if it is little, its index alone: segments
    are the only copy there is, and rows can be lost. If it is much, nothing goes and OrphansInDoubt is raised.
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
        steps = self._about_orphans(held, {collection.resource for collection in collections})
        steps += [(c.resource, partial(_care, self._vdbs, c, has_index=c.resource in indexes)) for c in collections]
        self._patience.do_all(steps)

    def _about_orphans(self, held: frozenset[str], alive: set[str]) -> list[tuple[str, Step]]:
        orphans = held - alive
        lost, self._orphans = orphans & self._orphans, orphans
        if alive and not self._vdbs.is_known():
            self._vdbs.table.put(rows.marker_row())  # its rows were written by an earlier version
        if not lost:
            return []
        dead = {resource for resource in sorted(orphans) if self._vdbs.is_dead(resource)}
        verdict = judge(
            map(Resource, held),
            alive=alive,
            dead=dead,
            is_registry_known=self._vdbs.is_known(),
            now=self._vdbs.clock.now(),
            grace_s=0,  # ages are not known; two looks are what tells
            by_hand=BY_HAND,
        )
        steps: list[tuple[str, Step]] = []
        if verdict.is_stopped and not lost.isdisjoint(verdict.suspicious):
            steps.append((ALARM, partial(_alarm, verdict.why)))
        removable = [resource for resource in verdict.remove if resource in lost]
        return steps + [(r, partial(_remove, self._vdbs, r, with_segments=r in dead)) for r in removable]


class Tend:
    """Compact what has grown. May take minutes; searches go on, writes wait while segments are merged."""

    def __init__(self, vdbs: Collections) -> None:
        self._vdbs = vdbs
        self._patience = Patience(vdbs.clock)

    def __call__(self) -> None:
        collections = (collection for collection in self._vdbs.every() if not collection.is_deleting)
        self._patience.do_all((c.resource, partial(_tend, self._vdbs, c)) for c in collections)


def _care(vdbs: Collections, collection: Collection, *, has_index: bool) -> None:
    vdbs.go_on()
    index, use = vdbs.index(collection), vdbs.use(collection)
    match due(collection, index, use, vdbs.clock.now(), has_index=has_index):
        case Due.FINISH_DELETE:
            finish_delete(vdbs, collection)
        case Due.DELETE:
            why = why_deleted(collection, vdbs.clock.now())
            begin_delete(vdbs, collection, why, [rows.unused_since(collection, use)])
        case Due.HIBERNATE:
            hibernate_if_idle(vdbs, collection.key)
        case Due.RESTORE:
            with vdbs.alone(collection.key) as collection:
                settle(vdbs, collection)


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


def _remove(vdbs: Collections, resource: str, *, with_segments: bool) -> None:
    with vdbs.exclusive(resource):
        vdbs.store.drop(resource)
        if with_segments:
            vdbs.log.drop(resource)


def _alarm(why: str) -> None:
    raise OrphansInDoubt(why)
