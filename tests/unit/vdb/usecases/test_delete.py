from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from llmanager.kernel.errors import Conflict, Throttled, Unavailable
from llmanager.vdb import rows
from llmanager.vdb.errors import BeingChanged, CollectionNotFound
from llmanager.vdb.usecases.create import bind
from llmanager.vdb.usecases.delete import begin_delete, delete, finish_delete
from llmanager.vdb.usecases.sweep import Sweep
from tests.unit.vdb.usecases.world import DOCS, refused


@pytest.fixture
def docs(world):
    world.create(dim=2)
    world.write("a")
    return world


def left(world):
    """Beside the tombstones and the marker, which stay."""
    rows = [(row.partition, row.sort) for row in world.table.scan(limit=1000).rows]
    rows = [(partition, sort) for partition, sort in rows if partition not in ("gone#", "fleet#")]
    return rows, world.store.indexes(), world.log.resources()


def test_deleting_leaves_nothing(docs):
    docs.query(vector=[1.0, 0.0])
    delete(docs.vdbs, DOCS)
    assert left(docs) == ([], (), ())


def test_a_tombstone_tells_of_it_for_thirty_days(docs):
    resource = docs.collection().resource
    delete(docs.vdbs, DOCS)
    assert docs.table.get("gone#", resource).body == {"tenant": "acme", "name": "docs"}
    docs.clock.advance(30 * 24 * 3600 - 1)
    assert docs.vdbs.is_dead(resource)
    docs.clock.advance(1)
    assert not docs.vdbs.is_dead(resource)


def test_deleting_twice_is_not_found(docs):
    delete(docs.vdbs, DOCS)
    with pytest.raises(CollectionNotFound):
        delete(docs.vdbs, DOCS)


def test_a_deleted_collection_can_be_created_anew_and_is_empty(docs):
    old = docs.collection().resource
    delete(docs.vdbs, DOCS)
    assert docs.create(dim=3).resource != old
    assert docs.held() == []


def test_what_cannot_be_removed_now_reads_as_absent_and_is_removed_by_the_sweep(docs):
    docs.store.down = Unavailable("away")
    delete(docs.vdbs, DOCS)
    with pytest.raises(CollectionNotFound):
        docs.collection()
    assert docs.vdbs.page("acme", limit=10, cursor=None).items == ()
    docs.store.down = None
    assert left(docs)[0] != []
    Sweep(docs.vdbs)()
    assert left(docs) == ([], (), ())


def test_rows_go_last(docs):
    docs.blobs.down = Unavailable("away")
    delete(docs.vdbs, DOCS)
    assert docs.store.indexes() == ()
    docs.blobs.down = None
    assert left(docs)[0] != []


def test_a_name_whose_delete_was_cut_short_can_be_created_again(docs):
    docs.store.down = Unavailable("away")
    delete(docs.vdbs, DOCS)
    with pytest.raises(Unavailable):
        docs.create()
    docs.store.down = None
    docs.create()
    assert docs.held() == []
    assert docs.log.resources() == ()


def test_a_write_that_waits_while_it_is_deleted_finds_nothing(docs):
    resource = docs.collection().resource
    taken = docs.vdbs.exclusive

    def after_a_delete(resource):
        object.__setattr__(docs.vdbs, "exclusive", taken)
        delete(docs.vdbs, DOCS)
        return taken(resource)

    object.__setattr__(docs.vdbs, "exclusive", after_a_delete)
    with pytest.raises(CollectionNotFound):
        docs.write("b")
    assert resource not in docs.log.resources()


def test_a_write_that_waits_while_it_is_deleted_and_created_anew_is_told_to_try_again(docs):
    taken = docs.vdbs.exclusive

    def after_another(resource):
        object.__setattr__(docs.vdbs, "exclusive", taken)
        delete(docs.vdbs, DOCS)
        docs.create(dim=2)
        return taken(resource)

    object.__setattr__(docs.vdbs, "exclusive", after_another)
    with pytest.raises(Throttled):
        docs.write("b")
    assert docs.held() == []


def test_a_delete_wins_over_a_binding_at_the_same_time(world):
    world.create()
    world.table.before_write = lambda _: bind(world.vdbs, DOCS, model="minilm", dim=2)
    delete(world.vdbs, DOCS)
    assert left(world) == ([], (), ())


def test_a_collection_that_changes_again_and_again_is_not_deleted_now(docs):
    def again(_):
        docs.table.before_write = again
        raise Conflict("changed")

    docs.table.before_write = again
    with pytest.raises(Throttled):
        delete(docs.vdbs, DOCS)
    docs.table.before_write = lambda _: None
    assert docs.held() == ["a"]


def test_a_late_use_of_a_deleted_collection_leaves_no_row(docs):
    docs.clock.advance(60)
    stale = docs.collection()
    delete(docs.vdbs, DOCS)
    docs.vdbs.note_use(stale)
    assert left(docs)[0] == []


def test_a_use_that_cannot_be_noted_is_no_error(docs):
    docs.clock.advance(60)
    docs.table.before_write = refused(Unavailable("away"))
    assert docs.held() == ["a"]


def test_who_caches_is_told_at_the_first_write_and_at_the_last(docs):
    resource = docs.collection().resource
    docs.changed.clear()
    delete(docs.vdbs, DOCS)
    assert docs.changed == [resource, resource]


def test_a_row_that_changed_since_it_was_read_is_not_deleted_on_what_was_read(docs):
    read = docs.collection()
    docs.table.put(rows.collection_row(read), read.version)
    with pytest.raises(Conflict):
        begin_delete(docs.vdbs, read, "asked for")
    assert docs.held() == ["a"]


def test_one_that_changes_at_every_attempt_is_named_and_stays(docs):
    def meanwhile(_):
        docs.table.before_write = lambda _: None
        docs.table.put(rows.collection_row(docs.collection()))
        docs.table.before_write = meanwhile

    docs.table.before_write = meanwhile
    with pytest.raises(BeingChanged, match="'docs'"):
        delete(docs.vdbs, DOCS)
    docs.table.before_write = lambda _: None
    assert docs.held() == ["a"]


def test_nothing_is_removed_while_somebody_is_alone_with_it(docs):
    docs.store.down = Unavailable("away")
    leaving = docs.collection()
    delete(docs.vdbs, DOCS)
    docs.store.down = None
    docs.exclusive.wait_s = 0.01
    with ThreadPoolExecutor(1) as other, docs.exclusive(leaving.resource):
        finishing = other.submit(finish_delete, docs.vdbs, replace(leaving, is_deleting=True))
        with pytest.raises(Throttled):
            finishing.result()
        assert docs.store.indexes() == (leaving.resource,)


def test_what_still_reads_as_there_is_not_removed(docs):
    with pytest.raises(ValueError, match="absent"):
        finish_delete(docs.vdbs, docs.collection())
