"""Indexes come, go and are tended."""

import pytest

from llmanager.kernel.errors import Conflict
from llmanager.vdb.entities import Found, Item, Metric, Shape, Write
from llmanager.vdb.errors import IndexMissing
from tests.contracts.vector_store.samples import SHAPE, A, B, delete, ids, row, upsert

CALLS = {
    "apply": lambda store: store.apply("absent", upsert(A)),
    "apply nothing": lambda store: store.apply("absent", Write()),
    "get": lambda store: store.get("absent", ["a"]),
    "get nothing": lambda store: store.get("absent", []),
    "list": lambda store: store.list("absent"),
    "search": lambda store: store.search("absent", row(1, 0, 0), k=1),
    "search_text": lambda store: store.search_text("absent", "x", k=1),
    "fields": lambda store: store.fields("absent"),
    "stats": lambda store: store.stats("absent"),
    "tend": lambda store: store.tend("absent"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_index_that_is_not_there_is_missing(store, call):
    with pytest.raises(IndexMissing):
        call(store)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_index_that_was_dropped_is_missing(store, call):
    store.create("absent", SHAPE)
    store.apply("absent", upsert(A))
    store.drop("absent")
    with pytest.raises(IndexMissing):
        call(store)


def test_a_new_index_is_empty(store, index):
    assert store.get(index, ["a"]) == ()
    assert store.list(index) == ()
    assert store.search(index, row(1, 0, 0), k=5) == ()
    assert store.search_text(index, "word", k=5) == ()
    assert store.fields(index) == {}
    assert store.stats(index).count == 0


def test_creating_again_with_the_same_shape_changes_nothing(store, index):
    store.apply(index, upsert(A))
    store.create(index, SHAPE)
    assert ids(store.list(index)) == ["a"]


@pytest.mark.parametrize("shape", [Shape(4), Shape(3, Metric.L2), Shape(3, has_text=False)])
def test_creating_again_with_another_shape_is_a_conflict(store, index, shape):
    store.apply(index, upsert(A))
    with pytest.raises(Conflict):
        store.create(index, shape)
    assert ids(store.list(index)) == ["a"]


def test_drop_may_be_repeated(store, index):
    store.drop(index)
    store.drop(index)
    assert store.indexes() == ()


def test_an_index_made_again_after_a_drop_is_empty_and_has_its_new_shape(store, index):
    store.apply(index, upsert(Item("a", metadata={"old": 1})))
    store.drop(index)
    store.create(index, Shape(2, Metric.L2))
    assert (store.list(index), store.fields(index)) == ((), {})
    store.apply(index, upsert(B, vectors=[row(1, 2)]))
    assert store.get(index, ["a", "b"]) == (Found(B, row(1, 2)),)


def test_all_indexes_are_named(store):
    for name in ("b", "a.1", "A_c-d"):
        store.create(name, SHAPE)
    assert store.indexes() == ("A_c-d", "a.1", "b")


def test_indexes_do_not_mix(store, index):
    store.create("films", SHAPE)
    store.apply(index, upsert(A, B))
    store.apply("films", upsert(Item("a", "another")))
    store.apply("films", delete("b"))
    assert ids(store.list(index)) == ["a", "b"]
    assert [item.text for item in store.list("films")] == ["another"]


def test_tending_changes_no_answer(store, index):
    def answers():
        return (
            store.list(index),
            ids(store.search(index, row(2, 1, 0), k=9)),
            ids(store.search_text(index, "camelids humps", k=9)),
        )

    store.apply(
        index, upsert(Item("llamas", "camelids"), Item("camels", "humps"), vectors=[row(1, 1, 0), row(2, 1, 0)])
    )
    for n in range(30):
        store.apply(index, upsert(Item(f"{n}", f"number {n}")))
    before = answers()
    store.tend(index)
    assert answers() == before
    store.tend(index)
    store.apply(index, delete(*(f"{n}" for n in range(30))))
    assert ids(store.list(index)) == ["camels", "llamas"]


def test_stats_count_items_and_bytes(store, index):
    store.apply(index, upsert(*(Item(f"{n}", "x" * 1000) for n in range(100))))
    stats = store.stats(index)
    assert stats.count == 100
    assert 0 < stats.size_bytes < 10_000_000
