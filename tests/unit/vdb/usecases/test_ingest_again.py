"""The same documents another time: unchanged, changed, or after a kill."""

import pytest

from llmanager.vdb.chunks import PORTION_ITEMS
from llmanager.vdb.entities import Chunking, Write
from llmanager.vdb.usecases.write import write
from tests.fakes.documents import vector_of
from tests.unit.vdb.usecases.ingestion import DOCS, IngestWorld


class Cancelled(Exception):
    pass


@pytest.fixture
def world() -> IngestWorld:
    return IngestWorld()


def lines(count: int, of: str = "line") -> list[str]:
    return [f"{of} {n}" for n in range(count)]


def cancelled_behind(chunks: int):
    """A `tell` that ends the work once more than so many are there."""

    def tell(done, total, unit, stage):
        if done > chunks:
            raise Cancelled

    return tell


class Killed(BaseException):
    """What no code of ours expects."""


def test_unchanged_documents_are_skipped_and_changed_ones_are_not(world):
    world.add("a.txt", "one", "two")
    world.add("b.txt", "three")
    world.ingest()
    world.embedded()
    assert world.ingest()["skipped"] == 2
    assert world.segments() == 1

    world.add("b.txt", "three", "four")
    result = world.ingest()
    assert (result["documents"], result["skipped"], result["embedded"]) == (1, 1, 1)
    assert world.embedded() == {"four": 1}
    assert world.texts() == ["one", "two", "three", "four"]


def test_another_chunking_reads_again_and_embeds_only_what_differs(world):
    world.add("a.txt", "one")
    world.ingest()
    result = world.ingest(chunking=Chunking(size=500))
    assert (result["documents"], result["skipped"], result["embedded"]) == (1, 0, 0)
    assert world.segments() == 1


def test_chunks_that_a_user_deleted_come_back(world):
    world.add("a.txt", "one", "two")
    world.ingest()
    write(world.vdbs, DOCS, Write(deleted_ids=("a.txt#000000",)))
    assert world.ingest()["embedded"] == 1
    assert world.texts() == ["one", "two"]


def test_a_document_that_shrank_loses_its_last_chunks(world):
    world.add("a.txt", *lines(3000))
    world.ingest()
    world.add("a.txt", "line 0", "changed")
    world.ingest()
    assert world.texts() == ["line 0", "changed"]
    assert world.ingest()["skipped"] == 1


def test_metadata_that_changed_is_written_without_embedding(world):
    world.add("a.csv", "one", "two")
    world.ingest()
    world.embedded()
    world.add("a.csv", "", "one", "two")
    assert world.ingest()["embedded"] == 0
    assert [item.metadata["row"] for item in world.items()] == [2, 3]
    assert [found.vector for found in world.found("a.csv#000000")] == [vector_of("one")]


def test_a_failed_document_is_tried_again_without_what_it_has(world):
    world.add("a.csv", "one", "lost", "BROKEN")
    world.ingest()
    world.add("a.csv", "one", "mended")
    world.embedded()
    assert world.ingest()["failures"] == 0
    assert world.embedded() == {"mended": 1}


def test_a_chunk_that_is_refused_takes_its_older_self_along(world):
    world.add("a.txt", "one", "two")
    world.ingest()
    world.add("a.txt", "one", "LONG two")
    assert world.ingest()["failures"] == 1
    assert world.texts() == ["one"]


def killed_at(world: IngestWorld, step: int) -> bool:
    """Whether the run got as far as that call on the blob store, and was killed there."""
    count = 0

    def before(call, key):
        nonlocal count
        count += 1
        if count == step:
            raise Killed

    world.blobs.before = before
    try:
        world.ingest("", vdb="docs", target="kept")
    except Killed:
        return True
    finally:
        world.blobs.before = lambda call, key: None
    return False


def test_a_run_that_is_killed_anywhere_is_finished_by_the_next_which_embeds_nothing_written_again():
    step = 0
    while True:
        world = IngestWorld()
        world.add("a.txt", *lines(2 * PORTION_ITEMS + 5, "a"))
        world.add("b.txt", *lines(5, "b"))
        step += 1
        was_killed = killed_at(world, step)
        written = set(world.texts())
        before = world.embedded()
        result = world.ingest("", vdb="docs", target="kept")
        again = world.embedded()
        assert set(before) | set(again) == {*lines(2 * PORTION_ITEMS + 5, "a"), *lines(5, "b")}
        assert not written & set(again)
        assert result["chunks"] == len(world.items()) == 2 * PORTION_ITEMS + 10
        if not was_killed:
            break
    assert step > 10


def test_a_killed_run_over_a_longer_older_version_leaves_nothing_of_either(world):
    """Version one has 600 lines; version two, longer, is killed; version three is short."""
    world.add("a.txt", *lines(600, "one"))
    world.ingest()
    world.add("a.txt", *lines(2000, "two"))
    world.embed.down = None
    world.tell = cancelled_behind(1000)
    with pytest.raises(Cancelled):
        world.ingest()
    assert len(world.items()) > 600
    world.tell = lambda *_: None
    world.add("a.txt", "three")
    world.ingest()
    assert world.texts() == ["three"]


def test_an_older_version_that_comes_back_after_a_kill_is_not_taken_for_whole(world):
    world.add("a.txt", *lines(600, "one"))
    world.ingest()
    world.add("a.txt", *lines(600, "two"))
    world.tell = cancelled_behind(200)
    with pytest.raises(Cancelled):
        world.ingest()
    world.tell = lambda *_: None
    world.add("a.txt", *lines(600, "one"))
    world.ingest()
    assert set(world.texts()) == set(lines(600, "one"))
