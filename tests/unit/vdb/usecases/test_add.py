import asyncio

import pytest

from llmanager.kernel.errors import InvalidInput, Unavailable, UpstreamFailed
from llmanager.vdb.entities import MAX_ITEMS_AT_ONCE, Vectors
from llmanager.vdb.errors import (
    CollectionNotFound,
    DimensionMismatch,
    EmbedderMissing,
    EmbedderUnfit,
    ItemTooLarge,
    WriteTooLarge,
)
from llmanager.vdb.usecases.add import Entry
from llmanager.vdb.usecases.embed import EMBED_TEXTS, embed_all
from llmanager.vdb.usecases.hibernate import hibernate
from tests.fakes.word_embedder import WordEmbedder
from tests.unit.vdb.usecases.world import DOCS, OWNER, rows


def test_texts_are_embedded_and_kept(world):
    world.create(model="minilm")
    ids = world.add("red apple", "green pear")
    assert sorted(ids) == world.held()
    assert world.collection().dim == 16
    assert world.found("apple", k=1) == [ids[0]]


def test_the_first_add_that_names_an_embedder_tells_it(world):
    world.create()
    world.add("red apple", model="minilm")
    assert world.collection().model == "minilm"
    world.add("green pear")
    assert len(world.held()) == 2


def test_without_any_embedder_the_add_is_refused_and_says_what_to_do(world):
    world.create()
    with pytest.raises(InvalidInput, match="Name one in 'model', or give vectors") as refusal:
        world.add("red apple")
    assert refusal.value.param == "model"


def test_another_embedder_than_the_one_it_has_is_refused(world):
    world.create(model="minilm")
    with pytest.raises(EmbedderUnfit):
        world.add("red apple", model="other")
    assert world.embedder.calls == []


def test_an_embedder_that_was_deleted_is_told(world):
    world.create(model="gone")
    with pytest.raises(EmbedderMissing):
        world.add("red apple")
    assert world.segments() == 0


def test_an_embedder_made_anew_with_other_dimensions_is_refused(world):
    world.create(model="minilm")
    world.add("red apple")
    world.embedder.models["minilm"] = 8
    with pytest.raises(DimensionMismatch, match=r"have 8 dimensions.*have 16"):
        world.add("green pear")


def test_adding_again_changes_nothing(world):
    world.create(model="minilm")
    first = world.add(entries=[Entry("red apple", {"a": 1, "b": 2})])
    assert world.add(entries=[Entry("red apple", {"b": 2, "a": 1})]) == first
    assert world.held() == list(first)
    assert world.add(entries=[Entry("red apple", {"a": 2})]) != first


def test_one_text_twice_in_one_add_is_one_item(world):
    world.create(model="minilm")
    ids = world.add("red apple", "red apple", "pear")
    assert ids[0] == ids[1] != ids[2]
    assert len(world.held()) == 2


def test_an_id_given_twice_in_one_add_is_refused(world):
    world.create(model="minilm")
    with pytest.raises(InvalidInput, match="twice"):
        world.add(entries=[Entry("a", id="1"), Entry("b", id="1")])


def test_given_vectors_need_no_embedder_and_no_text(world):
    world.create()
    ids = world.add(entries=[Entry(), Entry(), Entry()], vectors=rows([1, 0], [0, 1], [1, 0]))
    assert ids[0] == ids[2] != ids[1]
    assert world.held() == sorted(set(ids))
    assert world.embedder.calls == []
    assert world.found(vector=[0.0, 1.0], k=1) == [ids[1]]


def test_given_vectors_may_name_the_embedder_that_made_them(world):
    world.create()
    world.add(entries=[Entry("red apple")], vectors=rows([0.5] * 16), model="minilm")
    assert world.collection().model == "minilm"
    with pytest.raises(DimensionMismatch):
        world.add(entries=[Entry("red apple")], vectors=rows([1, 0]))


def test_as_many_vectors_as_items(world):
    world.create()
    with pytest.raises(InvalidInput, match="2 items and 1 vectors"):
        world.add("a", "b", vectors=rows([1, 0]))


def test_nothing_to_add_is_fine(world):
    world.create()
    assert world.add(entries=[]) == ()


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_a_blank_text_cannot_be_embedded(world, text):
    world.create(model="minilm")
    with pytest.raises(InvalidInput, match="item 1 is blank") as refusal:
        world.add("fine", text)
    assert refusal.value.param == "texts.1"
    assert world.embedder.calls == []


def test_what_is_too_large_or_too_many_is_refused_before_it_is_embedded(world):
    world.create(model="minilm")
    with pytest.raises(ItemTooLarge, match="/vdb/embed"):
        world.add("x" * 300_000)
    with pytest.raises(WriteTooLarge, match="/vdb/embed"):
        world.add(*["x"] * (MAX_ITEMS_AT_ONCE + 1))
    assert world.embedder.calls == []


def test_texts_are_embedded_in_batches_and_written_at_once(world):
    world.create(model="minilm")
    world.add(*[f"text {n}" for n in range(2 * EMBED_TEXTS + 1)])
    assert [count for _, count in world.embedder.calls] == [EMBED_TEXTS, EMBED_TEXTS, 1]
    assert world.segments() == 1


def test_an_embedder_that_fails_half_way_leaves_nothing(world):
    world.create(model="minilm")
    embed = world.embedder.embed

    async def once(*args):
        world.embedder.embed = down
        return await embed(*args)

    async def down(*_):
        raise Unavailable("away")

    world.embedder.embed = once
    with pytest.raises(Unavailable):
        world.add(*[f"text {n}" for n in range(EMBED_TEXTS + 1)])
    assert world.segments() == 0
    assert world.collection().dim is None


def test_an_embedder_that_answers_other_vectors_than_asked_for_is_an_upstream_that_failed():
    class Short(WordEmbedder):
        async def embed(self, caller, model, texts):
            return Vectors(2, b"\0" * 8)

    with pytest.raises(UpstreamFailed):
        asyncio.run(embed_all(Short(), OWNER, "minilm", ["a", "b"]))


def test_an_add_to_what_is_not_there_is_refused_before_it_is_embedded(world):
    with pytest.raises(CollectionNotFound):
        world.add("a", model="minilm")
    assert world.embedder.calls == []


def test_a_hibernated_collection_takes_an_add(world):
    world.create(model="minilm")
    world.add("red apple")
    hibernate(world.vdbs, DOCS)
    world.add("green pear")
    assert len(world.held()) == 2
