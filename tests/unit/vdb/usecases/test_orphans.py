"""What no row tells of: it goes where its collection is known to be deleted; a lost registry takes nothing with it."""

import itertools
import threading

import pytest
from structlog.testing import capture_logs

from llmanager.kernel.errors import Unavailable
from llmanager.kernel.orphans import OrphansInDoubt
from llmanager.vdb.entities import IndexState, Shape
from llmanager.vdb.rows import collection_row
from llmanager.vdb.usecases.delete import delete
from llmanager.vdb.usecases.sweep import Sweep
from llmanager.wiring.local.chores import Chores
from tests.unit.vdb.usecases.world import refused


@pytest.fixture
def sweep(world):
    return Sweep(world.vdbs)


def held(world):
    return world.store.indexes(), world.log.resources()


def lose_rows(world, *, but=()):
    for row in world.table.scan(limit=1000).rows:
        if row.partition not in but:
            world.table.delete(row.partition, row.sort)


def leave_late(world, name="docs"):
    """A write of a dead server lands after the collection was deleted."""
    made = world.create(name, dim=2)
    delete(world.vdbs, (made.tenant, name))
    world.store.create(made.resource, Shape(2))
    world.blobs.put(f"vdb/{made.resource}/late", [b"late"])
    return made.resource


def test_what_shows_up_after_a_delete_goes_once_it_was_seen_twice(world, sweep):
    late = leave_late(world)
    sweep()
    assert held(world) == ((late,), (late,))
    sweep()
    assert held(world) == ((), ())


def test_a_lost_registry_stops_the_sweep_and_nothing_goes(world, sweep):
    for name in ("docs", "b", "c"):
        world.create(name, dim=2)
    world.write("a")
    before, blobs = held(world), [info.key for info in world.blobs.list("vdb/")]
    lose_rows(world)
    sweep()
    with pytest.raises(OrphansInDoubt, match=r"3 of 3 resources .* no marker row, .* backup") as told:
        sweep()
    assert told.value.__notes__ == ["orphans"]
    assert held(world) == before
    assert [info.key for info in world.blobs.list("vdb/")] == blobs


def test_the_alarm_is_told_again_less_and_less_often(world, sweep):
    world.create(dim=2)
    lose_rows(world)
    told = 0
    for _ in range(100):
        try:
            sweep()
        except OrphansInDoubt:
            told += 1
        world.clock.advance(2)
    assert told == 7


def test_chores_tell_the_alarm(world, sweep):
    world.create(dim=2)
    lose_rows(world)
    rounds, done = itertools.count(1), threading.Event()
    with capture_logs() as logs:
        chores = Chores([sweep, lambda: next(rounds) > 3 and done.set()], every_s=0.001)
        chores.start()
        assert done.wait(10)
        chores.close()
    told = [entry for entry in logs if entry["event"] == "a chore needs help"]
    assert [(entry["log_level"], entry["of"]) for entry in told] == [("warning", ["orphans"])]
    assert "1 of 1 resources have neither a row nor a tombstone" in told[0]["why"]


def test_lost_rows_beside_the_marker_stop_it_too_and_the_others_are_cared_for(world, sweep):
    for name in ("docs", "b", "c"):
        world.create(name, dim=2)
    world.create("idle", dim=2, sleep_after_s=1)
    lost = world.collection()
    world.table.delete("collection#acme", "docs")
    world.clock.advance(1)
    sweep()
    with pytest.raises(OrphansInDoubt, match="one in five"):
        sweep()
    assert lost.resource in world.store.indexes()
    assert world.vdbs.index(world.vdbs.require(("acme", "idle"))).state is IndexState.ASLEEP


def test_of_a_few_without_proof_the_index_goes_and_the_segments_stay(world, sweep):
    """They are the only copy: they may be of a collection whose row was lost."""
    for name in ("docs", "b", "c", "d", "e"):
        world.create(name, dim=2)
    world.write("a")
    lost = world.collection()
    world.table.delete("collection#acme", "docs")
    sweep()
    sweep()
    assert lost.resource not in world.store.indexes()
    world.table.put(collection_row(lost))  # brought back from a backup
    assert world.held() == ["a"]


def test_deleted_things_go_also_while_others_are_in_doubt(world, sweep):
    world.create("b", dim=2)
    lose_rows(world)
    late = leave_late(world)
    sweep()
    with pytest.raises(OrphansInDoubt):
        sweep()
    assert late not in world.store.indexes() + world.log.resources()
    assert len(world.store.indexes()) == 1


def test_rows_of_an_earlier_version_get_their_marker(world, sweep):
    world.create(dim=2)
    world.table.delete("fleet#", "caps")
    sweep()
    assert world.vdbs.is_known()


def test_an_empty_registry_gets_no_marker_from_the_sweep(world, sweep):
    sweep()
    assert not world.vdbs.is_known()


def test_what_is_made_between_two_looks_is_no_orphan(world, sweep):
    """Its index is seen only by the second look, and its row is there by then."""
    sweep()
    world.create(dim=2)
    sweep()
    sweep()
    assert world.index().is_up
    assert world.store.indexes() == (world.collection().resource,)


def test_an_orphan_that_cannot_be_removed_holds_up_nobody(world, sweep):
    late = leave_late(world, "late")
    world.create(dim=2, sleep_after_s=10)
    sweep()
    world.clock.advance(10)
    drop = world.store.drop
    world.store.drop = lambda resource: refused(Unavailable("away"))() if resource == late else drop(resource)
    with pytest.raises(Unavailable):
        sweep()
    assert world.index().state is IndexState.ASLEEP
