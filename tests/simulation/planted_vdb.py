"""Bugs in the lifecycle of collections."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from llmanager.kernel.errors import Conflict
from llmanager.kernel.table import Action, Delete
from llmanager.vdb import rows
from llmanager.vdb.entities import Collection, Index
from llmanager.vdb.usecases import delete, hibernate, settle, sweep
from llmanager.vdb.usecases.collections import Collections
from tests.simulation.execution import Scenario
from tests.simulation.planting import Swap, planted
from tests.simulation.vdb_world import VDB_SCENARIOS


def of(name: str) -> Scenario:
    return next(s for s in VDB_SCENARIOS if s.name == name)


def _unguarded(right: Any) -> Any:
    def drop_index(vdbs: Collections, collection: Collection, why: str, guards: Sequence[Action] = ()) -> None:
        right(vdbs, collection, why)

    return drop_index


def _rows_first(_: Any) -> Any:
    def finish_delete(vdbs: Collections, leaving: Collection) -> None:
        with vdbs.exclusive(leaving.resource):
            with suppress(Conflict):
                gone = rows.gone(leaving, vdbs.clock.now())
                vdbs.table.transact([action for action in gone if isinstance(action, Delete)])
            vdbs.store.drop(leaving.resource)
            vdbs.log.drop(leaving.resource)

    return finish_delete


def _ready_first(right: Any) -> Any:
    def rebuild(vdbs: Collections, collection: Collection, index: Index) -> Index:
        return right(vdbs, collection, settle._ready(vdbs, collection, index))

    return rebuild


VDB_BUGS = (
    planted(
        "hibernated-in-use",
        "an idle index is dropped without looking again whether somebody began to use it",
        of("vdb-idle-query+sweep"),
        Swap(hibernate, "_drop_index", _unguarded),
        kinds=("used-and-idle",),
    ),
    planted(
        "rows-gone-first",
        "delete drops the rows, and no tombstone, before the index and the segments (LISA)",
        of("vdb-idle-delete+sweep"),
        Swap(delete, "finish_delete", _rows_first),
        Swap(sweep, "finish_delete", _rows_first),
    ),
)
