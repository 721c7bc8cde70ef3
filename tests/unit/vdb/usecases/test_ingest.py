import threading

import pytest

from llmanager.kernel.errors import InvalidInput, NotFound, OutOfSpace, Unavailable
from llmanager.vdb.chunks import PORTION_ITEMS
from llmanager.vdb.entities import MAX_DOCUMENT_BYTES, MAX_DOCUMENTS, Chunking, Document, Strategy
from llmanager.vdb.errors import CollectionNotFound, DimensionMismatch, EmbedderMissing, EmbedderUnfit
from llmanager.vdb.usecases.embed import EMBED_TEXTS
from llmanager.vdb.usecases.ingest import MAX_FAILURES_TOLD, Order
from tests.fakes.documents import vector_of
from tests.unit.vdb.usecases.ingestion import DOCS, OWNER, IngestWorld


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
        if done:
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


def test_whoever_is_told_may_end_the_work_while_the_embedder_wakes_up(world):
    world.add("a.txt", "one")
    world.embed.is_waking.set()

    def tell(done, total, unit, stage):
        if threading.current_thread() is not threading.main_thread():
            raise Cancelled

    world.tell = tell
    with pytest.raises(Cancelled):
        world.ingest()
    assert world.items() == []
