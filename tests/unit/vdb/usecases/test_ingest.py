import threading
from dataclasses import replace

import pytest

from llmanager.kernel.errors import InvalidInput, NotFound, OutOfSpace, Unavailable
from llmanager.vdb.chunks import PORTION_ITEMS
from llmanager.vdb.entities import MAX_DOCUMENT_BYTES, MAX_DOCUMENTS, Chunking, Document, Strategy, Write
from llmanager.vdb.errors import CollectionNotFound, DimensionMismatch, EmbedderMissing, EmbedderUnfit
from llmanager.vdb.usecases.create import Creation, create
from llmanager.vdb.usecases.embed_ahead import EMBED_TEXTS
from llmanager.vdb.usecases.ingest import MAX_FAILURES_TOLD, Order
from llmanager.vdb.usecases.load import load
from llmanager.vdb.usecases.write import write
from tests.fakes.documents import vector_of
from tests.unit.vdb.usecases.ingestion import DOCS, OWNER, IngestWorld


class Killed(BaseException):
    """What no code of ours expects."""


class Cancelled(Exception):
    pass


@pytest.fixture
def world() -> IngestWorld:
    return IngestWorld()


def lines(count: int, of: str = "line") -> list[str]:
    return [f"{of} {n}" for n in range(count)]


def test_documents_become_items_with_ids_sources_and_metadata(world):
    world.add("a.txt", "one", "two")
    world.add("b.csv", "three")
    assert world.ingest() == {
        "documents": 2,
        "chunks": 3,
        "embedded": 3,
        "skipped": 0,
        "failures": 0,
        "failed": [],
    }
    one, two, three = world.items()
    assert (one.id, one.text, one.source, one.metadata) == ("a.txt#000000", "one", "a.txt", {"chunk": 0})
    assert (two.id, two.metadata) == ("a.txt#000001", {"chunk": 1})
    assert (three.id, three.source, three.metadata) == ("b.csv#000000", "b.csv", {"row": 1, "chunk": 0})
    assert [found.vector for found in world.found("a.txt#000001", "b.csv#000000")] == list(
        map(vector_of, ["two", "three"])
    )


def test_the_collection_learns_its_embedder_and_the_embedder_who_asks(world):
    world.add("a.txt", "one")
    world.ingest()
    collection = world.vdbs.require(DOCS)
    assert (collection.model, collection.dim) == ("minilm", 4)
    assert world.embed.models == {"minilm"}
    assert world.embed.callers == {OWNER}


def test_many_small_documents_share_a_write(world):
    for n in range(100):
        world.add(f"{n}.txt", f"text {n}")
    assert world.ingest()["documents"] == 100
    assert world.segments() == 1


def test_a_large_document_is_written_and_embedded_in_bounded_parts(world):
    world.add("a.txt", *lines(3 * PORTION_ITEMS - 1))
    sizes = []
    world.embed.before = lambda texts: sizes.append(len(texts))
    assert world.ingest()["chunks"] == 3 * PORTION_ITEMS - 1
    assert world.segments() == 3
    assert max(sizes) == EMBED_TEXTS


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


def test_what_is_wrong_with_a_document_is_told_and_the_others_go_on(world):
    world.add("a.csv", "one", "lost", "BROKEN")
    world.add("b.txt", "two")
    world.add("c.txt", "three", "LONG four", "five", "LONG six")
    world.documents.list = lambda tenant, src, list_=world.documents.list: [
        *list_(tenant, src),
        Document("gone.txt", 1, "gone.txt"),
        Document("huge.txt", MAX_DOCUMENT_BYTES + 1, "b.txt"),
    ]
    result = world.ingest()
    assert (result["documents"], result["failures"]) == (1, 4)
    reasons = {failure["document"]: failure["reason"] for failure in result["failed"]}
    assert reasons == {
        "a.csv": "It is broken.",
        "c.txt": "The embedder refused 2 of 4 chunks. Chunk 1: The text is longer than the model takes.",
        "gone.txt": "'gone.txt' is gone.",
        "huge.txt": f"It has {MAX_DOCUMENT_BYTES + 1} bytes; at most {MAX_DOCUMENT_BYTES} are read.",
    }
    assert world.texts() == ["one", "two", "three", "five"]


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


def test_of_many_failures_all_are_counted_and_some_told(world):
    for n in range(MAX_FAILURES_TOLD + 5):
        world.add(f"{n}.txt", "BROKEN")
    result = world.ingest()
    assert result["failures"] == MAX_FAILURES_TOLD + 5
    assert len(result["failed"]) == MAX_FAILURES_TOLD


@pytest.mark.parametrize(
    "error",
    [Unavailable("It wakes."), OutOfSpace("Full."), EmbedderMissing("No model."), EmbedderUnfit("A chat.")],
)
def test_a_failure_of_the_embedder_as_such_passes_through(world, error):
    world.add("a.txt", *lines(2000))
    world.embed.down = error
    with pytest.raises(type(error)):
        world.ingest()
    world.embed.down = None
    world.ingest()
    assert len(world.items()) == 2000


def test_a_full_disk_passes_through_and_the_rest_is_done_when_there_is_room(world):
    world.add("a.txt", *lines(2000))
    world.blobs.room_bytes = 10_000
    with pytest.raises(OutOfSpace):
        world.ingest()
    world.blobs.room_bytes = None
    world.ingest()
    assert len(world.items()) == 2000


def test_an_embedder_with_other_dimensions_is_told(world):
    world.add("a.txt", "one")
    world.ingest()
    world.add("b.txt", "two")
    world.embed.dim = 5
    with pytest.raises(DimensionMismatch):
        world.ingest()


def test_an_embedder_whose_dimensions_changed_meanwhile_is_told(world):
    world.add("a.txt", *lines(10))
    world.ingest(target="kept")
    world.add("a.txt", *lines(10), "new")
    world.embed.dim = 5
    with pytest.raises(DimensionMismatch, match="4 and of 5"):
        world.ingest(target="kept")


def test_another_embedder_than_the_collections_is_refused_before_anything_is_read(world):
    world.add("a.txt", "one")
    world.ingest()
    world.documents.reads.clear()
    with pytest.raises(EmbedderUnfit):
        world.ingest(model="other")
    assert world.documents.reads == []


def test_vectors_of_unknown_origin_are_not_taken_for_the_embedders(world):
    world.add("a.txt", "one")
    world.documents.files["acme", "x.json"] = b'{"id": "a.txt#000000", "text": "one", "vector": [9, 9, 9, 9]}'
    world.load("x.json")
    world.ingest("a.txt")
    assert [found.vector for found in world.found("a.txt#000000")] == [vector_of("one")]


def test_what_does_not_exist_is_told(world):
    with pytest.raises(NotFound):
        world.ingest("absent")
    world.add("a.txt", "one")
    with pytest.raises(CollectionNotFound):
        world.ingest(vdb="absent")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"vdb": None}, "vdb"),
        ({"chunking": Chunking(size=19)}, "chunking.size"),
        ({"chunking": Chunking(size=20_001)}, "chunking.size"),
        ({"chunking": Chunking(size=100, overlap=51)}, "chunking.overlap"),
        ({"chunking": Chunking(overlap=-1)}, "chunking.overlap"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(world, fields, param):
    with pytest.raises(InvalidInput) as refused:
        world.ingest(**fields)
    assert refused.value.param == param


def test_too_many_documents_are_refused(world):
    world.documents.list = lambda tenant, src: (Document(str(n), 1, "x") for n in range(MAX_DOCUMENTS + 1))
    with pytest.raises(InvalidInput, match="more than 10000"):
        world.ingest()


def test_an_order_survives_being_kept_as_json():
    order = Order("m", "s", "v", "t", Chunking(Strategy.SENTENCE, 500, 50))
    assert Order.of(order.payload()) == order


def test_progress_is_told_in_chunks_with_the_document_that_is_read(world):
    world.add("a.txt", *lines(PORTION_ITEMS + 1))
    world.add("b.txt", "two")
    world.ingest()
    assert world.told[0] == (0, None, "chunks", "document 1 of 2: a.txt")
    assert (PORTION_ITEMS, None, "chunks", "document 2 of 2: b.txt") in world.told
    assert world.told[-1] == (PORTION_ITEMS + 2, None, "chunks", "document 2 of 2: b.txt")


def test_a_second_run_counts_what_is_there_already(world):
    world.add("a.txt", *lines(5))
    world.ingest()
    world.add("b.txt", "new")
    world.ingest()
    assert world.told[-1] == (6, None, "chunks", "document 2 of 2: b.txt")


def test_whoever_is_told_may_end_the_work(world):
    world.add("a.txt", *lines(5000))

    def tell(done, total, unit, stage):
        if "written" in stage:
            raise Cancelled

    world.tell = tell
    with pytest.raises(Cancelled):
        world.ingest()
    assert len(world.items()) == PORTION_ITEMS
    assert len(world.embed.texts) < 5000


def test_the_embedder_has_the_next_texts_before_the_last_are_written(world):
    world.add("a.txt", *lines(2 * PORTION_ITEMS))
    is_busy = threading.Event()
    segments_at = []

    def before(texts):
        if f"line {PORTION_ITEMS}" in texts:
            is_busy.set()

    world.embed.before = before
    world.blobs.before = lambda call, key: segments_at.append(is_busy.wait(10)) if call == "put" else None
    world.ingest()
    assert segments_at
    assert all(segments_at)


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
    world.tell = lambda done, total, unit, stage: (_ for _ in ()).throw(Cancelled) if "1024" in stage else None
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
    world.tell = lambda done, total, unit, stage: (_ for _ in ()).throw(Cancelled) if "256" in stage else None
    with pytest.raises(Cancelled):
        world.ingest()
    world.tell = lambda *_: None
    world.add("a.txt", *lines(600, "one"))
    world.ingest()
    assert set(world.texts()) == set(lines(600, "one"))


def test_a_target_keeps_what_was_embedded_and_loads_into_a_collection(world):
    world.add("a.txt", *lines(300))
    result = world.ingest(target="kept")
    assert result["chunks"] == 300
    assert world.items() == []

    assert world.load("kept") == {"items": 300, "written": 300}
    assert set(world.texts()) == set(lines(300))
    assert world.vdbs.require(DOCS).model == "minilm"
    assert [found.vector for found in world.found("a.txt#000007")] == [vector_of("line 7")]
    assert world.load("kept") == {"items": 300, "written": 0}


def test_a_target_is_what_the_last_embed_made(world):
    world.add("a.txt", *lines(600))
    world.ingest(target="kept")
    world.embedded()
    assert world.ingest(target="kept")["embedded"] == 0

    world.add("a.txt", *lines(300), "new")
    assert world.ingest(target="kept")["embedded"] == 1
    world.load("kept")
    assert set(world.texts()) == {*lines(300), "new"}


def test_another_embedder_begins_a_target_anew(world):
    world.add("a.txt", "one")
    world.ingest(target="kept")
    assert world.ingest(target="kept", model="other")["embedded"] == 1
    world.load("kept")
    assert world.vdbs.require(DOCS).model == "other"


def test_collection_and_target_share_the_embedding(world):
    world.add("a.txt", "one", "LONG", "two")
    assert world.ingest(target="kept", vdb="docs")["embedded"] == 2
    assert world.ingest(target="kept", vdb="docs")["embedded"] == 0
    create(world.vdbs, Creation("acme", "more"))
    assert world.ingest(target="kept", vdb="more")["embedded"] == 0
    assert world.items("more") == world.items()


def test_other_tenants_targets_are_not_there(world):
    world.add("a.txt", "one")
    world.ingest(target="kept")
    rival = replace(OWNER, tenant="rival")
    create(world.vdbs, Creation("rival", "docs"))
    with pytest.raises(NotFound):
        load(world.tools, caller=rival, name="docs", src="kept", tell=world.tell)
