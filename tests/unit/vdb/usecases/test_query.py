import pytest

from llmanager.kernel.errors import InvalidInput
from llmanager.vdb.entities import MAX_K, MAX_QUERY_BYTES, Mode
from llmanager.vdb.errors import CollectionNotFound, DimensionMismatch, EmbedderMissing, EmbedderUnfit, UnknownField
from llmanager.vdb.usecases.add import Entry
from llmanager.vdb.usecases.hibernate import hibernate
from tests.unit.vdb.usecases.world import ASKER, DOCS, refused, rows

FRUIT = [
    Entry("red apple pie", {"kind": "apple", "year": 2020}, "apple-pie"),
    Entry("red apple", {"kind": "apple", "year": 2022}, "apple"),
    Entry("green pear", {"kind": "pear", "year": 2024}, "pear"),
]


@pytest.fixture
def fruit(world):
    world.create(model="minilm")
    world.add(entries=FRUIT)
    world.embedder.calls.clear()
    return world


@pytest.fixture
def points(world):
    """Vectors without an embedder, and texts."""
    world.create()
    world.add(entries=[Entry("east", id="e"), Entry("north", id="n")], vectors=rows([1, 0], [0, 1]))
    return world


def test_the_closest_come_first(fruit):
    hits = fruit.query("red apple", mode=Mode.VECTOR)
    assert [hit.item.id for hit in hits] == ["apple", "apple-pie", "pear"]
    assert hits[0].score == pytest.approx(1.0)
    assert hits[0].item.metadata == {"kind": "apple", "year": 2022}


def test_texts_are_searched_without_an_embedder(fruit):
    assert fruit.found("pear", mode=Mode.TEXT) == ["pear"]
    assert fruit.embedder.calls == []


def test_hybrid_is_what_is_done_where_nothing_speaks_against_it(fruit):
    hits = fruit.query("red apple")
    assert hits[0].item.id == "apple"
    assert hits[0].score == pytest.approx(2 / 61)  # first of both lists
    assert fruit.query("red apple", mode=Mode.HYBRID) == hits


def test_without_searchable_texts_it_is_by_vector(world):
    world.create(model="minilm", has_text=False)
    world.add("red apple")
    assert world.query("apple")[0].score < 1.0
    for mode in (Mode.TEXT, Mode.HYBRID):
        with pytest.raises(InvalidInput, match="hybrid: false"):
            world.query("apple", mode=mode)


def test_without_an_embedder_it_is_by_text(points):
    assert points.found("north") == ["n"]


def test_a_vector_is_asked_in_place_of_a_text(points):
    assert points.found(vector=[0.9, 0.1]) == ["e", "n"]
    assert points.embedder.calls == []


def test_with_both_the_text_is_not_embedded(points):
    assert points.found("north", vector=[1.0, 0.0], mode=Mode.VECTOR) == ["e", "n"]
    assert set(points.found("north", vector=[1.0, 0.0])) == {"e", "n"}
    assert points.embedder.calls == []


def test_a_text_cannot_be_asked_by_vector_without_an_embedder(points):
    with pytest.raises(InvalidInput, match="no embedder yet"):
        points.query("north", mode=Mode.VECTOR)


def test_a_vector_cannot_be_asked_by_text(points):
    with pytest.raises(InvalidInput, match="Give 'query'"):
        points.query(vector=[1.0, 0.0], mode=Mode.TEXT)


def test_there_is_something_to_ask(fruit):
    with pytest.raises(InvalidInput, match="'query' or 'vector'"):
        fruit.query()


def test_k_bounds_what_comes(fruit):
    assert fruit.found("red apple", k=1) == ["apple"]
    for k in (0, MAX_K + 1):
        with pytest.raises(InvalidInput) as refusal:
            fruit.query("apple", k=k)
        assert refusal.value.param == "k"


@pytest.mark.parametrize("text", ["", " ", "x" * (MAX_QUERY_BYTES + 1), "\ud800"])
def test_a_query_that_is_none_is_refused(fruit, text):
    with pytest.raises(InvalidInput):
        fruit.query(text)
    assert fruit.embedder.calls == []


@pytest.mark.parametrize("vector", [[], [float("nan"), 0.0], [float("inf"), 0.0], [1e300, 0.0]])
def test_a_vector_that_is_none_is_refused(points, vector):
    with pytest.raises(InvalidInput):
        points.query(vector=vector)


def test_a_vector_of_another_dimension_is_refused(points):
    with pytest.raises(DimensionMismatch, match=r"have 3 dimensions.*have 2"):
        points.query(vector=[1.0, 0.0, 0.0])


@pytest.mark.parametrize("mode", list(Mode))
def test_a_filter_is_applied_before_the_best_are_chosen(fruit, mode):
    assert fruit.found("red apple pear", mode=mode, where={"year": {"$gte": 2024}}) == ["pear"]


def test_a_field_that_no_item_has_is_refused_with_those_that_there_are(fruit):
    with pytest.raises(UnknownField, match=r"'colour'.*'kind', 'year'") as refusal:
        fruit.query("apple", where={"colour": "red"})
    assert refusal.value.param == "filter"


def test_a_field_compared_with_another_type_is_refused(fruit):
    with pytest.raises(InvalidInput, match="'year' holds a number"):
        fruit.query("apple", where={"year": "2020"})
    with pytest.raises(InvalidInput):
        fruit.query("apple", where={"$or": [{"kind": "apple"}, {"$not": {"kind": {"$in": [1, 2]}}}]})
    assert fruit.found("apple", where={"year": {"$exists": False}}) == []


def test_mmr_prefers_hits_that_differ(world):
    world.create()
    near = [[1.0, 0.9], [1.0, 0.89], [0.5, 1.0]]
    world.add(entries=[Entry("a b", id="a"), Entry("a c", id="b"), Entry("a d", id="c")], vectors=rows(*near))
    assert world.found(vector=[1.0, 1.0], k=2) == ["a", "b"]
    assert world.found(vector=[1.0, 1.0], k=2, rerank="mmr") == ["a", "c"]
    assert world.found("a", vector=[1.0, 1.0], k=2, rerank="mmr")[0] == "a"


def test_mmr_needs_vectors(fruit):
    with pytest.raises(InvalidInput) as refusal:
        fruit.query("apple", mode=Mode.TEXT, rerank="mmr")
    assert refusal.value.param == "rerank"


def test_the_embedder_that_it_has_may_be_named_and_no_other(fruit):
    assert fruit.found("apple", model="minilm")
    with pytest.raises(EmbedderUnfit):
        fruit.query("apple", model="other")


def test_a_query_tells_a_collection_its_embedder_if_the_caller_may_write(world):
    world.create()
    world.add(entries=[Entry("east", id="e")], vectors=rows([1.0] * 16))
    assert world.found("east", model="minilm", caller=ASKER) == ["e"]
    assert world.collection().model is None
    assert world.found("east", model="minilm") == ["e"]
    assert world.collection().model == "minilm"


def test_an_embedder_that_does_not_fit_is_not_told(world):
    world.create(dim=2)
    with pytest.raises(DimensionMismatch):
        world.query("east", model="minilm")
    assert world.collection().model is None


def test_an_embedder_that_was_deleted_or_has_other_dimensions_now_is_told(fruit):
    fruit.embedder.models["minilm"] = 8
    with pytest.raises(DimensionMismatch):
        fruit.query("apple")
    del fruit.embedder.models["minilm"]
    with pytest.raises(EmbedderMissing):
        fruit.query("apple")
    assert fruit.found("apple", mode=Mode.TEXT) == ["apple", "apple-pie"]


def test_an_empty_collection_has_no_answers(world):
    world.create()
    assert world.query("apple") == ()
    assert world.query("apple", model="minilm", caller=ASKER) == ()
    assert world.query(vector=[1.0, 2.0]) == ()


def test_a_hibernated_collection_answers_as_before(fruit):
    before = fruit.query("red apple")
    hibernate(fruit.vdbs, DOCS)
    assert fruit.query("red apple") == before


def test_what_is_refused_wakes_nothing(fruit):
    hibernate(fruit.vdbs, DOCS)
    with pytest.raises(InvalidInput):
        fruit.query("apple", mode=Mode.TEXT, rerank="mmr")
    assert not fruit.index().is_up


def test_anothers_collection_is_not_found(world):
    world.create(tenant="rival")
    with pytest.raises(CollectionNotFound):
        world.query("apple")


def test_a_query_is_use(fruit):
    fruit.clock.advance(60)
    fruit.query("apple")
    assert fruit.vdbs.use(fruit.collection()).last_used_at == fruit.clock.now()


def test_a_query_is_answered_also_where_the_index_vanished(fruit):
    fruit.store.lose(fruit.collection().resource)
    assert fruit.found("red apple", k=1) == ["apple"]
    fruit.store.after_apply = refused(RuntimeError())  # it is there again: nothing is replayed
    assert fruit.found("red apple", k=1) == ["apple"]
