"""A write is seen whole or not at all, by whoever reads meanwhile; a load is seen when it is done."""

import threading
import time

import pytest

from llmanager.kernel.errors import InvalidInput
from llmanager.vdb.entities import MAX_FIELDS, Item
from llmanager.vdb.errors import DimensionMismatch, IndexMissing
from tests.contracts.vector_store.samples import A, B, C, delete, ids, row, upsert

ROUNDS = 12
MAX_S = 15.0  # a store may be quicker than its reader
NAMES = [f"{n:02}" for n in range(20)]


def generation(number):
    """All items anew, one of them under a name that the generation before did not have."""
    items = [*(Item(name, f"word g{number}") for name in NAMES), Item(f"only-{number}", f"word g{number}")]
    return upsert(*items, deleted_ids=(f"only-{number - 1}",))


READS = {
    "search": lambda store, index: [hit.item for hit in store.search(index, row(1, 0, 0), k=50)],
    "search_text": lambda store, index: [hit.item for hit in store.search_text(index, "word", k=50)],
    "list": lambda store, index: store.list(index),
    "get": lambda store, index: [found.item for found in store.get(index, NAMES)],
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_no_reader_sees_half_of_a_write(store, index, read):
    store.apply(index, generation(0))
    is_over, seen, broken = threading.Event(), set(), []

    def watch():
        while not is_over.is_set():
            items = read(store, index)
            texts = {item.text for item in items}
            expected = {len(NAMES), len(NAMES) + 1}
            if len(texts) != 1 or len(items) not in expected or len(items) != len(set(ids(items))):
                broken.append(sorted((item.id, item.text) for item in items))
            seen.update(texts)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        until_s, number = time.monotonic() + MAX_S, 0
        while (number < ROUNDS or len(seen) <= 2) and time.monotonic() < until_s:
            number += 1
            store.apply(index, generation(number))
    finally:
        is_over.set()
        watcher.join()
    assert not broken, broken[0]
    assert len(seen) > 2
    assert ids(store.list(index)) == [*NAMES, f"only-{number}"]


def test_writers_at_once_are_all_kept(store, index):
    threads = [threading.Thread(target=store.apply, args=(index, upsert(Item(f"{n}"), Item("same")))) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ids(store.list(index)) == ["0", "1", "2", "3", "same"]


def test_a_load_is_as_its_writes_one_after_another(store, index):
    first = upsert(A, B, Item("c", "old", {"x": 1}), vectors=[row(0, 0, 0), row(0, 1, 0), row(0, 0, 1)])
    store.load(index, [first, delete("a", "absent"), upsert(Item("c", "new", {"y": "z"})), upsert(Item("d"))])
    assert [(item.id, item.text) for item in store.list(index)] == [("b", ""), ("c", "new"), ("d", "")]
    assert ids(store.search(index, row(1, 0, 0), k=9)) == ["c", "d", "b"]
    assert set(store.fields(index)) == {"x", "y"}
    assert store.stats(index).count == 3
    store.apply(index, upsert(Item("b", "later"), deleted_ids=("d",)))
    assert [(item.id, item.text) for item in store.list(index)] == [("b", "later"), ("c", "new")]


def test_a_load_of_nothing_leaves_an_empty_index(store, index):
    store.load(index, [])
    assert store.list(index) == ()


def test_a_load_refuses_what_apply_refuses(store, index):
    with pytest.raises(DimensionMismatch):
        store.load(index, [upsert(A), upsert(B, vectors=[row(1, 2)])])
    store.drop(index)
    with pytest.raises(IndexMissing):
        store.load(index, [upsert(C)])


def test_a_load_counts_fields_over_all_its_writes(store, index):
    half = {f"field {n}": n for n in range(MAX_FIELDS)}
    with pytest.raises(InvalidInput, match="fields"):
        store.load(index, [upsert(Item("a", metadata=half)), upsert(Item("b", metadata={"one more": 1}))])
