"""How near texts are to a query, by a collection's own embedder."""

import asyncio

import pytest

from llmanager.kernel.errors import Unavailable
from llmanager.vdb.errors import CollectionNotFound
from llmanager.vdb.usecases.compare import Compared, compare
from tests.unit.vdb.usecases.world import ASKER, in_thread


def compared(world, query, *texts, name="docs"):
    return asyncio.run(compare(world.vdbs, world.embedder, in_thread, ASKER, name, query, texts))


def test_the_nearer_has_the_higher_cosine(world):
    world.create(model="minilm")
    found = compared(world, "red apple", "red apple", "green pear")
    same, other = found.cosines
    assert same == pytest.approx(1.0)
    assert other < same
    assert found.model == "minilm"
    assert world.embedder.calls == [("minilm", 3)]


def test_without_an_embedder_there_is_nothing_to_compare_by(world):
    world.create()
    assert compared(world, "red", "red") is None
    assert world.embedder.calls == []


def test_no_texts_have_no_cosines(world):
    world.create(model="minilm")
    assert compared(world, "red") == Compared("minilm", ())


def test_what_is_not_there_and_what_fails_is_told(world):
    world.create(model="minilm")
    with pytest.raises(CollectionNotFound):
        compared(world, "red", "red", name="none")
    world.embedder.down = Unavailable("It is down.")
    with pytest.raises(Unavailable):
        compared(world, "red", "red")
