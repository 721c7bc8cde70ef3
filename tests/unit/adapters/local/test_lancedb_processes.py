"""Several real processes on one vector store, some of them killed."""

import json
import random
from collections import Counter

import pytest

from llmanager.adapters.local.lancedb_store import LanceDBVectorStore
from llmanager.vdb.entities import Shape
from tests.contracts.vector_store.samples import ids, row, upsert
from tests.unit.adapters.local.child_process import Child
from tests.unit.adapters.local.vector_children import INDEX, PER_WRITE

CHILDREN = "tests.unit.adapters.local.vector_children"


@pytest.fixture
def store(tmp_path):
    store = LanceDBVectorStore(tmp_path)
    store.create(INDEX, Shape(3))
    return store


def lose_nothing_together(store, tmp_path, children, times):
    names = "abcd"[:children]
    processes = [Child(CHILDREN, "take_turns", tmp_path, name, times) for name in names]
    try:
        assert [child.heard() for child in processes] == ["ready"] * children
        for child in processes:
            child.go()
        assert [child.heard() for child in processes] == [[]] * children
    finally:
        for child in processes:
            child.__exit__()
    kept = [n for n in range(times) if n % 5 != 3 or n == times - 1]
    expected = [f"both-{n}" for n in range(times)] + [f"{name}-{n}" for name in names for n in kept]
    found = ids(store.list(INDEX, limit=10_000))
    assert Counter(found) == Counter(expected)
    assert store.stats(INDEX).count == len(expected)
    assert len(store.search(INDEX, row(1, 0, 0), k=10_000)) == len(expected)
    assert len(store.fields(INDEX)) == 3 * children


def test_two_processes_write_read_and_tend_at_once_and_lose_nothing(store, tmp_path):
    lose_nothing_together(store, tmp_path, children=2, times=15)


@pytest.mark.e2e
def test_four_processes_write_read_and_tend_at_once_and_lose_nothing(store, tmp_path):
    lose_nothing_together(store, tmp_path, children=4, times=60)


def survive_kills(store, tmp_path, kills):
    chance, answered, start = random.Random(5), [], 0
    for _ in range(kills):
        with Child(CHILDREN, "write_on", tmp_path, start) as child:
            assert child.heard() == "ready"
            answered += [child.heard() for _ in range(chance.randint(1, 25))]
            child.process.kill()
            answered += [json.loads(line) for line in child.process.stdout if line.endswith("\n")]
        there = Counter(item.metadata["number"] for item in store.list(INDEX, limit=10_000))
        (number, count), *others = there.items()
        assert (count, others) == (PER_WRITE, []), "a write is whole, and took the one before it with it"
        assert number in (answered[-1], answered[-1] + 1)
        assert len(store.search(INDEX, row(1, 0, 0), k=100)) == PER_WRITE
        assert len(store.search_text(INDEX, "word", k=100)) == PER_WRITE
        start = number + 1
    store.apply(INDEX, upsert())
    store.tend(INDEX)
    assert store.stats(INDEX).count == PER_WRITE


def test_every_answered_write_survives_kill_9_and_the_last_one_is_whole_or_absent(store, tmp_path):
    survive_kills(store, tmp_path, kills=2)


@pytest.mark.e2e
def test_ten_kills(store, tmp_path):
    survive_kills(store, tmp_path, kills=10)
