import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from llmanager.kernel.errors import Unavailable
from llmanager.vdb.entities import IndexState
from llmanager.vdb.errors import BeingRestored, CollectionNotFound, IndexDamaged, IndexMissing, SegmentCorrupt
from llmanager.vdb.usecases.delete import delete
from llmanager.vdb.usecases.hibernate import hibernate
from llmanager.vdb.usecases.read import get_items
from llmanager.vdb.usecases.restore import answered, ready, until_up
from tests.unit.vdb.usecases.world import DOCS, in_thread, refused


@pytest.fixture
def docs(world):
    world.create(dim=2)
    world.write("a", "b")
    world.write("c", delete=["a"])
    return world


def test_a_hibernated_collection_holds_segments_only(docs):
    hibernate(docs.vdbs, DOCS)
    assert docs.store.indexes() == ()
    assert docs.segments() == 2
    assert (docs.index().state, docs.index().count) == (IndexState.ASLEEP, 2)


def test_hibernating_twice_is_fine_and_drops_what_is_left(docs):
    hibernate(docs.vdbs, DOCS)
    docs.store.create(docs.collection().resource, None)
    hibernate(docs.vdbs, DOCS)
    assert docs.store.indexes() == ()
    assert docs.index().count == 2


def test_a_collection_without_an_index_can_be_hibernated_and_used_again(world):
    world.create()
    hibernate(world.vdbs, DOCS)
    assert world.index().state is IndexState.ASLEEP
    assert world.held() == []
    assert world.index().is_up


def test_a_restored_collection_is_as_it_was(docs):
    before = get_items(docs.vdbs, DOCS, ["a", "b", "c"])
    hibernate(docs.vdbs, DOCS)
    ready(docs.vdbs, DOCS)
    assert docs.index().is_current
    assert get_items(docs.vdbs, DOCS, ["a", "b", "c"]) == before
    assert [found.item.id for found in before] == ["b", "c"]


def test_reading_restores(docs):
    hibernate(docs.vdbs, DOCS)
    assert docs.held() == ["b", "c"]


def test_a_restore_that_breaks_off_starts_over(docs):
    hibernate(docs.vdbs, DOCS)
    docs.store.after_apply = refused(Unavailable("away"))
    with pytest.raises(Unavailable):
        ready(docs.vdbs, DOCS)
    assert docs.index().state is IndexState.RESTORING
    assert docs.held() == ["b", "c"]


def test_a_write_that_a_dead_writer_logged_is_caught_up_whole(docs):
    docs.store.before_apply = refused(SystemExit())
    with pytest.raises(SystemExit):
        docs.write("d", "e")
    assert docs.held() == ["b", "c"]
    ready(docs.vdbs, DOCS)
    assert docs.held() == ["b", "c", "d", "e"]
    assert docs.index().is_current


def test_a_reader_whose_index_is_dropped_meanwhile_waits_for_the_next_one(docs):
    tries = []

    def ask(collection):
        tries.append(collection)
        if len(tries) == 1:
            hibernate(docs.vdbs, DOCS)
        return docs.store.stats(collection.resource).count

    assert answered(docs.vdbs, DOCS, ask, empty=0) == 2
    assert len(tries) == 2


def test_a_reader_never_takes_what_it_read_from_an_index_that_was_half_restored(docs):
    """Hibernated and begun to be restored between the reader's look at the row and its question."""
    tries = []

    def ask(collection):
        tries.append(collection)
        if len(tries) == 1:
            hibernate(docs.vdbs, DOCS)
            index = docs.index()
            docs.store.after_apply = lambda *_: counts.append(docs.store.stats(collection.resource).count)
            ready(docs.vdbs, DOCS)
            assert docs.index().build > index.build
            return counts[0]
        return docs.store.stats(collection.resource).count

    counts = []
    docs.write("x")
    assert answered(docs.vdbs, DOCS, ask, empty=0) == 3
    assert counts == [2]  # the first segment alone


def test_a_reader_gives_up_where_the_index_is_dropped_again_and_again(docs):
    def ask(collection):
        hibernate(docs.vdbs, DOCS)
        raise IndexMissing()

    with pytest.raises(BeingRestored):
        answered(docs.vdbs, DOCS, ask, empty=0)


def test_a_damaged_index_is_made_anew_once_however_many_find_it_damaged(docs):
    build = docs.index().build
    tries = []

    def ask(collection):
        if docs.index().build == build:
            raise IndexDamaged
        return docs.store.stats(collection.resource).count

    def ask_slowly(collection):
        tries.append(collection)
        if len(tries) == 1:
            assert answered(docs.vdbs, DOCS, ask, empty=0) == 2  # another reader, who has it mended
            raise IndexDamaged
        return ask(collection)

    assert answered(docs.vdbs, DOCS, ask_slowly, empty=0) == 2
    assert docs.index().build == build + 1


def test_a_reader_of_what_is_deleted_meanwhile_is_told_so(docs):
    def ask(collection):
        delete(docs.vdbs, DOCS)
        raise IndexMissing()

    with pytest.raises(CollectionNotFound):
        answered(docs.vdbs, DOCS, ask, empty=0)


def test_however_many_wait_one_thread_restores(docs):
    hibernate(docs.vdbs, DOCS)
    begun, release, builds = threading.Event(), threading.Event(), []

    def slow(*_):
        builds.append(1)
        begun.set()
        release.wait(5)

    docs.store.before_apply = slow

    async def crowd():
        waits = [asyncio.create_task(until_up(docs.vdbs, in_thread, DOCS)) for _ in range(20)]
        await asyncio.to_thread(begun.wait, 5)
        release.set()
        await asyncio.gather(*waits)

    asyncio.run(crowd())
    assert builds == [1]
    assert docs.index().is_up
    assert docs.vdbs.restores == {}


def test_a_request_waits_so_long_and_the_restoring_goes_on(docs):
    hibernate(docs.vdbs, DOCS)
    release = threading.Event()
    docs.store.before_apply = lambda *_: release.wait(5)
    vdbs = replace(docs.vdbs, restore_wait_s=0.01)

    async def impatient():
        with pytest.raises(BeingRestored) as refusal:
            await until_up(vdbs, in_thread, DOCS)
        assert refusal.value.retry_after_s > 0
        release.set()
        await until_up(replace(vdbs, restore_wait_s=5), in_thread, DOCS)

    asyncio.run(impatient())
    assert docs.index().is_up


def test_a_restore_that_fails_tells_all_who_wait_and_none_who_come_later(docs):
    hibernate(docs.vdbs, DOCS)

    async def one():
        docs.store.down = Unavailable("away")
        with pytest.raises(Unavailable, match="away"):
            await until_up(docs.vdbs, in_thread, DOCS)
        docs.store.down = None
        await until_up(docs.vdbs, in_thread, DOCS)

    asyncio.run(one())
    assert docs.held() == ["b", "c"]


def test_a_restore_that_is_called_off_is_done_by_the_next(docs):
    hibernate(docs.vdbs, DOCS)
    steps = iter([None])

    def stop():
        if next(steps, "over"):
            raise Unavailable("The server is stopping.")

    with pytest.raises(Unavailable):
        ready(replace(docs.vdbs, go_on=stop), DOCS)
    assert docs.index().state is IndexState.RESTORING
    assert docs.held() == ["b", "c"]


@pytest.mark.parametrize("error", [IndexDamaged(), IndexMissing()])
def test_what_is_hibernated_while_its_index_is_broken_tells_its_count_all_the_same(docs, error):
    docs.store.stats = refused(error)
    hibernate(docs.vdbs, DOCS)
    assert (docs.index().state, docs.index().count) == (IndexState.ASLEEP, 2)
    del docs.store.stats
    assert docs.held() == ["b", "c"]


def test_what_is_hibernated_in_the_middle_of_a_restoring_has_the_count_it_had(docs):
    hibernate(docs.vdbs, DOCS)
    docs.store.after_apply = refused(Unavailable("away"))
    with pytest.raises(Unavailable):
        ready(docs.vdbs, DOCS)
    hibernate(docs.vdbs, DOCS)
    assert docs.index().count == 2


def test_an_index_whose_segments_are_damaged_is_not_given_away(docs):
    docs.damage()
    with pytest.raises(SegmentCorrupt):
        hibernate(docs.vdbs, DOCS)
    assert docs.held() == ["b", "c"]


def test_a_hibernated_index_has_applied_nothing_and_the_next_one_is_another_build(docs):
    before, resource = docs.index(), docs.collection().resource
    docs.changed.clear()
    hibernate(docs.vdbs, DOCS)
    asleep = docs.index()
    assert (asleep.applied_seq, asleep.last_seq, asleep.build) == (0, before.last_seq, before.build + 1)
    assert docs.changed == [resource]


def test_who_caches_is_told_when_an_index_is_ready(docs):
    hibernate(docs.vdbs, DOCS)
    docs.changed.clear()
    ready(docs.vdbs, DOCS)
    assert docs.changed == [docs.collection().resource]


def test_an_index_that_is_current_is_not_settled_again(docs):
    docs.exclusive.wait_s = 0.01
    with ThreadPoolExecutor(1) as other, docs.exclusive(docs.collection().resource):
        assert other.submit(ready, docs.vdbs, DOCS).result() == docs.collection()
