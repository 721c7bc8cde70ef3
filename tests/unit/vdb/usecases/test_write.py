import threading

import pytest

from llmanager.kernel.errors import InvalidInput, OutOfSpace, Unavailable
from llmanager.vdb.entities import MAX_FIELDS, Item, Write
from llmanager.vdb.errors import CollectionNotFound, DimensionMismatch, IndexDamaged, IndexMissing, WriteUnsettled
from llmanager.vdb.usecases.hibernate import hibernate
from llmanager.vdb.usecases.restore import ready
from llmanager.vdb.usecases.write import write
from tests.unit.vdb.usecases.world import DOCS, refused, rows


@pytest.fixture
def docs(world):
    world.create(dim=2)
    return world


def test_a_write_is_in_the_index_and_in_a_segment(docs):
    assert docs.write("a", "b") == 2
    assert docs.held() == ["a", "b"]
    assert docs.segments() == 1
    assert docs.index().is_current


def test_the_same_id_replaces_and_a_delete_removes(docs):
    docs.write("a", "b", text="old {}")
    docs.write("b", text="new {}", delete=["a"])
    assert docs.held() == ["b"]
    assert docs.store.get(docs.collection().resource, ["b"])[0].item.text == "new b"


def test_the_first_vectors_tell_the_dimensions(world):
    world.create()
    world.write("a")
    assert world.collection().dim == 2


def test_vectors_of_another_dimension_are_refused_before_anything_is_written(docs):
    with pytest.raises(DimensionMismatch):
        write(docs.vdbs, DOCS, Write((Item("a"),), rows([1.0, 2.0, 3.0])))
    assert docs.segments() == 0


def test_a_write_of_nothing_and_a_delete_in_an_empty_collection_write_nothing(world):
    world.create()
    assert write(world.vdbs, DOCS, Write()) == 0
    assert write(world.vdbs, DOCS, Write(deleted_ids=("a",))) == 0
    assert world.segments() == 0


def test_what_is_not_there_or_anothers_is_not_found(world):
    world.create(tenant="rival", dim=2)
    with pytest.raises(CollectionNotFound):
        world.write("a")


def test_more_fields_than_can_be_filtered_by_are_refused_before_anything_is_written(docs):
    with pytest.raises(InvalidInput, match="at most"):
        docs.write("a", **{f"field-{n}": n for n in range(MAX_FIELDS + 1)})
    assert docs.segments() == 0
    docs.write("a", **{f"field-{n}": n for n in range(MAX_FIELDS)})
    with pytest.raises(InvalidInput, match="at most"):
        docs.write("b", extra=1)
    assert docs.segments() == 1


def test_a_write_that_the_index_refuses_leaves_no_segment_and_can_be_repeated(docs):
    docs.store.before_apply = refused(OutOfSpace("full"))
    with pytest.raises(OutOfSpace):
        docs.write("a")
    assert docs.segments() == 0
    assert docs.held() == []
    docs.write("a")
    assert docs.held() == ["a"]
    assert docs.index().is_current


@pytest.mark.parametrize("hook", ["before_apply", "after_apply"])
def test_a_write_of_which_nobody_knows_keeps_its_segment_and_becomes_visible_whole(docs, hook):
    docs.write("a")
    setattr(docs.store, hook, refused(WriteUnsettled()))
    with pytest.raises(WriteUnsettled):
        docs.write("b", "c")
    assert docs.segments() == 2
    assert not docs.index().is_current
    docs.write("d")
    assert docs.held() == ["a", "b", "c", "d"]
    assert docs.index().is_current


def test_a_segment_that_cannot_be_removed_again_becomes_visible_whole(docs):
    docs.write("a")

    def away(*_):
        docs.blobs.down = Unavailable("away")
        raise OutOfSpace("full")

    docs.store.before_apply = away
    with pytest.raises(OutOfSpace):
        docs.write("b", "c")
    docs.blobs.down = None
    assert docs.held() == ["a"]
    ready(docs.vdbs, DOCS)
    assert docs.held() == ["a", "b", "c"]


def test_a_write_whose_last_row_is_lost_is_answered_all_the_same(docs):
    docs.store.after_apply = lambda *_: setattr(docs.table, "before_write", refused(Unavailable("away")))
    assert docs.write("a") == 1
    assert not docs.index().is_current
    docs.write("b")
    assert docs.held() == ["a", "b"]
    assert docs.index().is_current


def test_a_write_whose_intent_is_refused_writes_nothing(docs):
    docs.table.before_write = refused(Unavailable("away"))
    with pytest.raises(Unavailable):
        docs.write("a")
    assert docs.segments() == 0
    assert docs.index().is_current


def test_a_write_to_a_hibernated_collection_restores_it_first(docs):
    docs.write("a")
    hibernate(docs.vdbs, DOCS)
    docs.write("b")
    assert docs.held() == ["a", "b"]


def test_an_index_that_somebody_lost_is_made_again_from_the_segments(docs):
    docs.write("a")
    docs.store.lose(docs.collection().resource)
    docs.write("b")
    assert docs.held() == ["a", "b"]


def test_writes_at_once_are_all_kept(docs):
    threads = [threading.Thread(target=docs.write, args=(f"id-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert docs.held() == [f"id-{n}" for n in range(8)]
    assert docs.index().last_seq == 8


def test_every_answered_write_is_told(docs):
    docs.changed.clear()
    docs.write("a")
    assert docs.changed == [docs.collection().resource]


@pytest.mark.parametrize("error", [IndexDamaged(), IndexMissing()])
def test_an_index_that_is_found_damaged_by_a_write_is_made_again_with_it(docs, error):
    docs.write("a")
    docs.store.before_apply = refused(error)
    assert docs.write("b", delete=["a"]) == 1
    assert docs.held() == ["b"]
    assert docs.segments() == 2
    assert docs.index().is_current
