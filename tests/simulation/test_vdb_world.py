"""Two operations on a collection, in every order: nothing is lost, half there or left behind. And the judge can see."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from llmanager.kernel.table import Action, Check, Put
from llmanager.vdb.entities import Write
from llmanager.vdb.rows import GONE
from tests.simulation.execution import Scenario
from tests.simulation.explorer import Bounds, Memory, Search, explore
from tests.simulation.ports import SimTable
from tests.simulation.vdb_world import DELETE_AFTER_S, SLEEP_AFTER_S, VDB_SCENARIOS, Prepared, VdbWorld

pytestmark = pytest.mark.simulation

NAMED = {scenario.name: scenario for scenario in VDB_SCENARIOS}
TRIED = ("vdb-new-create+delete", "vdb-idle-query+hibernate", "vdb-idle-delete+sweep", "vdb-asleep-query+delete")


def kinds(scenario: Scenario, bounds: Bounds) -> set[str]:
    result = explore(scenario, bounds)
    assert result.is_complete
    assert result.schedules > 1
    return set(result.violations)


@pytest.mark.parametrize("name", NAMED)
def test_every_order_of_two_with_one_switch(name: str) -> None:
    assert kinds(NAMED[name], Bounds(1, 0)) == set()


@pytest.mark.parametrize("name", TRIED)
def test_some_of_them_with_a_fault_at_every_call(name: str) -> None:
    """`./run.sh simulate --scenario 'vdb-*'` does it with all of them, and with more of both."""
    assert kinds(NAMED[name], Bounds(0, 1)) == set()


# --- what the judge sees of a world that is broken on purpose


class Unlocked(VdbWorld):
    """Nobody is ever alone with a collection."""

    def prepare(self) -> None:
        self.exclusive = _anybody  # type: ignore[assignment]


class Untold(Unlocked):
    """Moreover nothing tells that a collection was deleted."""

    def prepare(self) -> None:
        super().prepare()
        self.table = _Untold(self.clock)


class Unguarded(VdbWorld):
    """The table takes every write, whatever else must hold for it."""

    def prepare(self) -> None:
        self.table = _Careless(self.clock)


class Forgetful(VdbWorld):
    """Segments are deleted and said to be; the blob store keeps them."""

    def prepare(self) -> None:
        self.blobs.delete = lambda key: None  # type: ignore[method-assign]


class Halving(VdbWorld):
    """The index takes the first item of what it is given."""

    def prepare(self) -> None:
        whole = self.store.apply

        def half(index: str, write: Write) -> None:
            assert write.vectors is not None
            whole(index, Write(write.items[:1], write.vectors.rows(0, 1)))

        self.store.apply = half  # type: ignore[method-assign]


class _Careless(SimTable):
    def transact(self, actions: Sequence[Action]) -> Any:
        return super().transact([action for action in actions if not isinstance(action, Check)])


class _Untold(SimTable):
    def transact(self, actions: Sequence[Action]) -> Any:
        return super().transact([a for a in actions if not (isinstance(a, Put) and a.row.partition == GONE)])


@contextmanager
def _anybody(resource: str) -> Iterator[None]:
    yield


@pytest.mark.parametrize(
    ("world", "scenario", "bounds", "kind"),
    [
        (Unlocked, "vdb-asleep-query+query-2", Bounds(1, 1), "lost"),
        (Untold, "vdb-idle-add+delete", Bounds(1, 0), "leak"),
        (Unguarded, "vdb-idle-query+sweep", Bounds(1, 0), "used-and-idle"),
        (Unguarded, "vdb-unwanted-sweep+query", Bounds(2, 0), "used-and-idle"),
        (Forgetful, "vdb-idle-delete+sweep", Bounds(0, 0), "leak"),
        (Halving, "vdb-idle-query+hibernate", Bounds(0, 0), "half"),
    ],
)
def test_a_broken_world_is_seen(world: type[VdbWorld], scenario: str, bounds: Bounds, kind: str) -> None:
    build = Prepared(
        world,
        idle_s=DELETE_AFTER_S if "unwanted" in scenario else SLEEP_AFTER_S,
        is_asleep="asleep" in scenario,
    )
    search = Search(Scenario("broken", build, NAMED[scenario].operations), bounds, Memory())
    while kind not in search.result.violations:
        assert not search.result.is_complete
        search.go_on(100, may_stop_early=True)


def test_what_a_write_leaves_after_its_collection_was_deleted_is_swept() -> None:
    """Without locks it can be so late. The tombstone tells whose it was."""
    assert kinds(Scenario("late", Prepared(Unlocked), NAMED["vdb-idle-add+delete"].operations), Bounds(1, 0)) == set()
