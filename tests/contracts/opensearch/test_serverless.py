"""The adapter with a serverless collection's manners, played by a real OpenSearch: nothing is seen until time goes by.

What this cannot show: that a real collection takes these mappings, and how far behind its searches are.
"""

import threading

import pytest

from llmanager.kernel.errors import Conflict
from llmanager.vdb.entities import Item, Metric, Shape
from llmanager.vdb.errors import IndexMissing
from llmanager.vdb.filters import Compare, Op
from tests.contracts.vector_store.samples import NEAR_A, SHAPE, A, B, C, delete, ids, row, upsert
from tests.opensearch import ServerlessStandIn, fresh_prefix, serverless_store, url


@pytest.fixture
def stand_in():
    url()
    return ServerlessStandIn()


@pytest.fixture
def prefix():
    return fresh_prefix()


@pytest.fixture
def store(stand_in, prefix):
    store = serverless_store(stand_in, prefix)
    store.create("books", SHAPE)
    yield store
    for index in store.indexes():
        store.drop(index)


@pytest.fixture
def other(stand_in, prefix):
    """Another process's."""
    return serverless_store(stand_in, prefix)


def test_what_was_written_is_seen_by_all_when_the_write_is_answered(store, other):
    store.apply("books", upsert(Item("a", "text of a", {"n": 1}), B, C, vectors=NEAR_A))
    for each in (store, other):
        assert ids(each.list("books")) == ["a", "b", "c"]
        assert ids(each.search("books", row(1, 0, 0), k=2)) == ["a", "b"]
        assert ids(each.search("books", row(1, 0, 0), k=2, where=Compare("n", Op.EQ, 1))) == ["a"]
        assert ids(each.search_text("books", "text", k=2)) == ["a"]
        assert each.stats("books").count == 3


def test_replaced_and_deleted_items_are_gone_before_their_bytes_are(store, other, stand_in):
    store.apply("books", upsert(A, B, C, vectors=NEAR_A))
    assert ids(other.list("books")) == ["a", "b", "c"]
    store.apply("books", upsert(Item("a", "new"), deleted_ids=("b",)))
    for _ in range(3):
        for each in (store, other):
            assert [(item.id, item.text) for item in each.list("books")] == [("a", "new"), ("c", "")]
            assert ids(each.search("books", row(1, 0, 0), k=9)) == ["a", "c"]
            assert each.stats("books").count == 2
        store.tend("books")
        stand_in.time_goes_by()


def test_writers_who_do_not_see_each_other_yet_lose_nothing(store, other):
    threads = [threading.Thread(target=each.apply, args=("books", upsert(A, C))) for each in (store, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.apply("books", upsert(B))
    assert ids(other.list("books")) == ["a", "b", "c"]


def test_a_load_waits_once_for_all_its_writes(store, stand_in):
    stand_in.sent.clear()
    store.load("books", [upsert(Item(f"{n:02}")) for n in range(20)] + [delete("03")])
    assert len(store.list("books")) == 19
    assert sum(path.endswith("_search") for _, path in stand_in.sent) < 12


def test_an_index_made_anew_has_nothing_of_the_old_one(store, other):
    store.apply("books", upsert(A))
    assert ids(other.list("books")) == ["a"]
    store.drop("books")
    with pytest.raises(IndexMissing):
        other.list("books")
    store.create("books", Shape(2, Metric.L2))
    assert other.list("books") == ()
    with pytest.raises(Conflict):
        other.create("books", SHAPE)
