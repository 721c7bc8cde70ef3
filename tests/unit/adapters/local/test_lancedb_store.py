"""What the conformance suite does not ask of LanceDBVectorStore: size, upkeep, company, and damage."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from llmanager.adapters.local.lancedb_store import LanceDBVectorStore
from llmanager.vdb.entities import Item, Metric, Shape
from llmanager.vdb.errors import IndexMissing
from llmanager.vdb.filters import Compare, Op
from tests.contracts.vector_store.samples import ids, row, upsert
from tests.fakes.vector_store import FakeVectorStore

SHAPE = Shape(3)
A = Item("a", "word")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "vectors"


@pytest.fixture
def store(root):
    return LanceDBVectorStore(root, keep_s=0.001)


@pytest.fixture
def index(store):
    store.create("books", SHAPE)
    return "books"


def files(root, pattern="**/*"):
    return {path for path in root.glob(pattern) if path.is_file()}


def versions(root, index):
    return files(root, f"{index}/*.lance/_versions/*")


# --- an index of many vectors ---


@pytest.mark.parametrize("metric", Metric)
def test_a_vector_index_misses_little_and_scores_exactly(root, metric):
    chance = random.Random(1)
    centres = [[chance.gauss(0, 1) for _ in range(16)] for _ in range(40)]

    def near_a_centre():
        return row(*(x + 0.5 * chance.gauss(0, 1) for x in chance.choice(centres)))

    items = [Item(f"{n:05}", metadata={"is_tenth": n % 10 == 0}) for n in range(1500)]
    write = upsert(*items, vectors=[near_a_centre() for _ in items])
    store, model = LanceDBVectorStore(root, ann_rows=1000, keep_s=0.001), FakeVectorStore()
    for each in (store, model):
        each.create("many", Shape(16, metric))
        each.apply("many", write)
    store.tend("many")
    assert files(root, "many/*.lance/_indices/*/auxiliary.idx"), "there should be a vector index now"
    late = [Item(f"late-{n}", metadata={"is_tenth": True}) for n in range(50)]
    write = upsert(*late, vectors=[near_a_centre() for _ in late], deleted_ids=tuple(f"{n:05}" for n in range(100)))
    for each in (store, model):
        each.apply("many", write)
    for where in (None, Compare("is_tenth", Op.EQ, True)):
        hit_count = 0
        for _ in range(20):
            query = near_a_centre()
            found = store.search("many", query, k=10, where=where)
            exact = {hit.item.id: hit.score for hit in model.search("many", query, k=1500, where=where)}
            assert [hit.score for hit in found] == pytest.approx([exact[hit.item.id] for hit in found], abs=1e-9)
            hit_count += len(set(ids(found)) & set(list(exact)[:10]))
        assert hit_count / 200 >= 0.95


def test_vectors_without_a_direction_are_found_beside_a_vector_index(root):
    store = LanceDBVectorStore(root, ann_rows=300, keep_s=0.001)
    store.create("many", SHAPE)
    vectors = [row(0, 0, 0) if n % 100 == 0 else row(-1, n, 1) for n in range(400)]
    store.apply("many", upsert(*(Item(f"{n:03}") for n in range(400)), vectors=vectors))
    store.tend("many")
    assert ids(store.search("many", row(1, 0, 0), k=4)) == ["000", "100", "200", "300"]


def test_one_more_tending_of_a_vector_index_extends_it_until_it_is_made_anew(root):
    store = LanceDBVectorStore(root, ann_rows=300, keep_s=0.001)
    store.create("many", SHAPE)
    chance = random.Random(2)
    for start in range(0, 12_000, 600):
        vectors = [row(*(chance.gauss(0, 1) for _ in range(3))) for _ in range(600)]
        store.apply("many", upsert(*(Item(f"{start + n}") for n in range(600)), vectors=vectors))
        store.tend("many")
    assert store.stats("many").count == 12_000
    assert len(store.search("many", row(1, 1, 1), k=200)) == 200


# --- upkeep ---


def test_tending_gives_back_the_disk_that_many_small_writes_took(store, root, index):
    for n in range(30):
        store.apply(index, upsert(Item(f"{n % 10}", f"text {n}", {"n": n})))
    before = store.stats(index).size_bytes
    store.tend(index)
    assert store.stats(index).size_bytes < before / 3
    assert len(versions(root, index)) < 10
    assert [item.text for item in store.list(index)] == [f"text {n}" for n in range(20, 30)]


def test_tending_does_nothing_where_there_is_nothing_to_do(store, root, index):
    for n in range(30):
        store.apply(index, upsert(Item(f"{n}")))
    store.tend(index)
    before = files(root)
    store.tend(index)
    assert files(root) == before


def test_tending_spares_what_somebody_might_still_be_reading(root):
    store = LanceDBVectorStore(root, keep_s=3600)
    store.create("books", SHAPE)
    for n in range(30):
        store.apply("books", upsert(Item(f"{n}")))
    before = versions(root, "books")
    store.tend("books")
    assert before < versions(root, "books")


# --- company ---


def test_what_one_store_writes_another_one_on_the_same_folder_sees_at_once(store, root, index):
    other = LanceDBVectorStore(root)
    assert other.list(index) == ()
    store.apply(index, upsert(Item("a", "word", {"new": 1})))
    assert ids(other.search_text(index, "word", k=1)) == ["a"]
    assert ids(other.search(index, row(1, 0, 0), k=1, where=Compare("new", Op.EQ, 1))) == ["a"]
    other.apply(index, upsert(Item("a", "word", {"newer": "x"})))
    assert store.search(index, row(1, 0, 0), k=1, where=Compare("new", Op.EQ, 1)) == ()
    assert store.search(index, row(1, 0, 0), k=1, where=Compare("newer", Op.EQ, "x")) != ()


def test_an_index_that_another_store_dropped_and_made_again_is_the_new_one(store, root, index):
    store.apply(index, upsert(A))
    other = LanceDBVectorStore(root)
    other.drop(index)
    with pytest.raises(IndexMissing):
        store.list(index)
    other.create(index, Shape(2))
    assert store.list(index) == ()
    store.apply(index, upsert(Item("b"), vectors=[row(1, 2)]))
    assert ids(other.list(index)) == ["b"]


def test_an_index_that_goes_away_under_a_reader_is_missing_to_it(store, index, monkeypatch):
    """The drop comes between finding the folder and reading it."""
    store.apply(index, upsert(A))
    find = store._folders.find
    places = iter([find(index)])
    store.drop(index)
    monkeypatch.setattr(store._folders, "find", lambda _: next(places, None))
    with pytest.raises(IndexMissing):
        store.list(index)


def test_of_many_that_make_the_same_index_at_once_all_get_it(root):
    stores = [LanceDBVectorStore(root) for _ in range(6)]
    start = threading.Barrier(len(stores))

    def make(number):
        start.wait()
        stores[number].create("books", SHAPE)
        stores[number].apply("books", upsert(Item(f"{number}")))

    with ThreadPoolExecutor(len(stores)) as threads:
        list(threads.map(make, range(len(stores))))
    assert ids(stores[0].list("books")) == list("012345")
    assert [path.name for path in root.iterdir()] == ["books"]


def test_readers_see_a_write_whole_or_not_at_all(store, index):
    """Each write replaces some items, deletes the others and brings new ones: 6 of one number, always."""

    def write(number):
        names = [f"kept-{n}" for n in range(3)] + [f"{number % 2}-{n}" for n in range(3)]
        gone = tuple(f"{1 - number % 2}-{n}" for n in range(3))
        return upsert(*(Item(name, "word", {"number": number}) for name in names), deleted_ids=gone)

    store.apply(index, write(0))
    is_over, seen = threading.Event(), set()

    def read(ask):
        while not is_over.is_set():
            numbers = [found.metadata["number"] for found in ask()]
            assert len(numbers) == 6
            assert len(set(numbers)) == 1
            seen.update(numbers)

    asks = [
        lambda: store.list(index),
        lambda: [hit.item for hit in store.search(index, row(1, 0, 0), k=20)],
        lambda: [hit.item for hit in store.search_text(index, "word", k=20)],
        lambda: [found.item for found in store.get(index, [f"{a}-{n}" for a in ("kept", 0, 1) for n in range(3)])],
    ]
    with ThreadPoolExecutor(len(asks)) as threads:
        reading = [threads.submit(read, ask) for ask in asks]
        try:
            for number in range(1, 40):
                store.apply(index, write(number))
                if number % 15 == 0:
                    LanceDBVectorStore(store._folders._root).tend(index)
        finally:
            is_over.set()
        for reader in reading:
            reader.result()
    assert len(seen) > 5


def test_threads_that_write_at_once_lose_nothing(store, index):
    def write(thread):
        for n in range(6):
            store.apply(index, upsert(Item("shared"), Item(f"{thread}-{n}", metadata={f"field {thread} {n % 2}": n})))

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(write, range(3)))
    assert store.stats(index).count == 19
    assert len(ids(store.list(index))) == 19
    assert len(store.fields(index)) == 6


def test_only_so_many_tables_are_kept_open(root, monkeypatch):
    monkeypatch.setattr("llmanager.adapters.local.lancedb_store.MAX_OPEN", 2)
    store = LanceDBVectorStore(root)
    for name in ("a", "b", "c"):
        store.create(name, SHAPE)
        store.apply(name, upsert(Item(name)))
    assert list(store._open) == ["b", "c"]
    assert ids(store.list("a")) == ["a"]
