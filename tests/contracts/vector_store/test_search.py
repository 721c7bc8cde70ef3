"""The nearest, and only those that match."""

import itertools
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmanager.vdb.entities import Item, Metric, Shape
from llmanager.vdb.filters import And, Compare, Exists, In, Not, Op, Or, matches
from tests.contracts.vector_store.samples import HOSTILE, SHAPE, A, B, ids, row, upsert
from tests.fakes.vector_store import FakeVectorStore

indexes = (f"index-{n}" for n in itertools.count())


@pytest.mark.parametrize("metric", Metric)
@pytest.mark.parametrize("dim", [1, 3, 17])
def test_search_finds_the_nearest_and_scores_them(store, metric, dim):
    chance = random.Random(dim)
    items = [Item(f"{n:03}") for n in range(200)]
    vectors = [row(*(chance.gauss(0, 1) for _ in range(dim))) for _ in items]
    model = FakeVectorStore()
    for each in (store, model):
        each.create("numbers", Shape(dim, metric))
        each.apply("numbers", upsert(*items, vectors=vectors))
    for k in (1, 10, 200, 500):
        query = row(*(chance.gauss(0, 1) for _ in range(dim)))
        found, expected = store.search("numbers", query, k=k), model.search("numbers", query, k=k)
        assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected], abs=1e-9)
        assert dim == 1 or ids(found) == ids(expected)


@pytest.mark.parametrize(
    ("metric", "score"), [(Metric.COSINE, 0.6), (Metric.DOT, 6.0), (Metric.L2, -((2 * 2 + 4 * 4) ** 0.5))]
)
def test_a_score_means_the_cosine_the_inner_product_or_minus_the_distance(store, metric, score):
    store.create("numbers", Shape(2, metric))
    store.apply("numbers", upsert(A, vectors=[row(3, 4)]))
    (hit,) = store.search("numbers", row(1, 0) if metric is Metric.COSINE else row(2, 0), k=1)
    expected = score if metric is not Metric.L2 else -((1 + 16) ** 0.5)
    assert hit.score == pytest.approx(expected, abs=1e-9)


def test_equal_scores_are_in_the_order_of_the_ids(store, index):
    store.apply(index, upsert(*(Item(name) for name in "dbeacf")))
    assert ids(store.search(index, row(1, 0, 0), k=4)) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("nothing", [row(0, 0, 0), row(1e-16, 0, 0), row(0, 1e-30, 0)])
def test_a_vector_without_a_direction_is_like_no_other(store, index, nothing):
    opposite, alike = Item("opposite"), Item("alike")
    store.apply(index, upsert(A, opposite, alike, B, vectors=[nothing, row(-1, 0, 0), row(1, 0, 0), nothing]))
    hits = store.search(index, row(1, 0, 0), k=9)
    assert [(hit.item.id, hit.score) for hit in hits] == [("alike", 1), ("a", 0), ("b", 0), ("opposite", -1)]
    assert [(hit.item.id, hit.score) for hit in store.search(index, nothing, k=2)] == [("a", 0), ("alike", 0)]
    store.apply(index, upsert(A, vectors=[row(2, 0, 0)]))
    assert ids(store.search(index, row(1, 0, 0), k=9)) == ["a", "alike", "b", "opposite"]


def test_the_filter_is_applied_before_the_nearest_are_chosen(store, index):
    items = [Item(f"{n:03}", metadata={"is_far": n >= 90}) for n in range(100)]
    vectors = [row(1, n / 100, 0) for n in range(100)]
    store.apply(index, upsert(*items, vectors=vectors))
    hits = store.search(index, row(1, 0, 0), k=3, where=Compare("is_far", Op.EQ, True))
    assert ids(hits) == ["090", "091", "092"]
    assert store.search(index, row(1, 0, 0), k=3, where=Compare("unknown", Op.EQ, True)) == ()


FIELDS = st.sampled_from(["a", "b", "", "é", "' OR 1=1", "a b", "t_61"])
NUMBERS = st.sampled_from([0, 1, -1, 2.5, 0.1, -0.0, 2**53, 2**53 + 1, 1e308, -(10**18), 5e-324]) | st.integers(-3, 3)
TEXTS = st.sampled_from([*HOSTILE, "", "a", "b", "é", "z", "1", "true"])
FLAGS = st.booleans()
METADATA = st.dictionaries(
    FIELDS, NUMBERS | TEXTS | FLAGS | st.sampled_from([None, [1], {"a": 1}, 10**400, float("inf")]), max_size=4
)
LEAVES = st.one_of(
    st.builds(Compare, FIELDS, st.sampled_from([Op.EQ, Op.NE]), NUMBERS | TEXTS | FLAGS),
    st.builds(Compare, FIELDS, st.sampled_from(list(Op)), NUMBERS | TEXTS),
    *(st.builds(In, FIELDS, st.lists(of, min_size=1, max_size=4).map(tuple)) for of in (NUMBERS, TEXTS, FLAGS)),
    st.builds(Exists, FIELDS),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(held=st.lists(METADATA, min_size=1, max_size=8), filters=st.lists(FILTERS, min_size=1, max_size=5))
def test_exactly_the_items_that_match_a_filter_are_found(store, held, filters):
    name = next(indexes)
    store.create(name, SHAPE)
    items = [Item(f"{n}", "word", metadata) for n, metadata in enumerate(held)]
    store.apply(name, upsert(*items))
    for where in filters:
        expected = [item.id for item in items if matches(where, item.metadata)]
        assert ids(store.search(name, row(1, 0, 0), k=9, where=where)) == expected
        assert sorted(ids(store.search_text(name, "word", k=9, where=where))) == expected
        assert ids(store.search(name, row(0, 0, 0), k=9, where=where)) == expected
    store.drop(name)
