"""What every VectorStore does. Adapters are added in vector_stores.py."""

import itertools
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmanager.kernel.errors import Conflict, InvalidInput, NotSupported
from llmanager.vdb.entities import MAX_FIELDS, Found, Item, Metric, Shape, Vectors, Write
from llmanager.vdb.errors import DimensionMismatch, IndexMissing
from llmanager.vdb.filters import And, Compare, Exists, In, Not, Op, Or, matches
from llmanager.vdb.ports import FieldType
from tests.contracts.vector_stores import ADAPTERS, delete, floats, ids, row, upsert
from tests.fakes.vector_store import FakeVectorStore

SHAPE = Shape(3)
A, B, C = Item("a"), Item("b"), Item("c")
NEAR_A = [row(1, 0, 0), row(0.9, 0.1, 0), row(0, 1, 0)]  # a, b, c from near to far
HOSTILE = [
    "'",
    '"',
    "`",
    "\\",
    "' OR 1=1 --",
    "a\x00b",
    "${x}",
    "%",
    "_",
    "\n",
    "🦙",
    "\u202e",
    "', DROP TABLE x",
    "NULL",
]
indexes = (f"index-{n}" for n in itertools.count())


@pytest.fixture(params=ADAPTERS)
def store(request, tmp_path):
    return ADAPTERS[request.param](tmp_path)


@pytest.fixture
def index(store):
    store.create("books", SHAPE)
    return "books"


# --- indexes ---


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


# --- writes ---


def test_what_was_written_is_found_by_its_id_in_the_order_asked_for(store, index):
    a = Item("a", "Text of a.", {"n": 1, "deep": {"x": [1, None]}}, "book.pdf")
    store.apply(index, upsert(a, B, C, vectors=NEAR_A))
    assert store.get(index, ["c", "absent", "a"]) == (Found(C, NEAR_A[2]), Found(a, NEAR_A[0]))


def test_the_same_id_replaces_all_of_an_item(store, index):
    store.apply(index, upsert(Item("a", "old", {"n": 1, "s": "x"}, "old.pdf"), B))
    new = Item("a", "new", {"n": "now a text"}, "new.pdf")
    store.apply(index, upsert(new, vectors=[row(0, 0, 1)]))
    assert store.get(index, ["a"]) == (Found(new, row(0, 0, 1)),)
    assert store.stats(index).count == 2
    assert store.search(index, row(1, 0, 0), k=9, where=Exists("s")) == ()
    assert store.search(index, row(1, 0, 0), k=9, where=Compare("n", Op.EQ, 1)) == ()
    assert store.search_text(index, "old", k=9) == ()


def test_of_items_with_the_same_id_the_last_one_counts(store, index):
    store.apply(index, upsert(Item("a", "first"), B, Item("a", "last"), vectors=NEAR_A))
    assert store.get(index, ["a"]) == (Found(Item("a", "last"), NEAR_A[2]),)
    assert store.stats(index).count == 2


def test_deletes_take_effect_before_the_items(store, index):
    store.apply(index, upsert(A, B, C))
    store.apply(index, upsert(Item("a", "new"), Item("d"), deleted_ids=("a", "b", "absent")))
    assert [(item.id, item.text) for item in store.list(index)] == [("a", "new"), ("c", ""), ("d", "")]


def test_deleted_items_are_in_no_answer(store, index):
    store.apply(index, upsert(Item("a", "word"), Item("b", "word")))
    store.apply(index, delete("a", "absent"))
    assert ids(store.get(index, ["a", "b"])) == ["b"]
    assert ids(store.list(index)) == ["b"]
    assert ids(store.search(index, row(1, 0, 0), k=9)) == ["b"]
    assert ids(store.search_text(index, "word", k=9)) == ["b"]
    assert store.stats(index).count == 1


def test_applying_a_write_again_changes_nothing(store, index):
    store.apply(index, upsert(A))
    write = upsert(B, C, deleted_ids=("a",))
    store.apply(index, write)
    store.apply(index, write)
    assert ids(store.list(index)) == ["b", "c"]


def test_an_empty_write_is_fine(store, index):
    store.apply(index, Write())
    assert store.stats(index).count == 0


def test_vectors_of_another_dimension_are_refused_and_nothing_is_written(store, index):
    store.apply(index, upsert(A))
    with pytest.raises(DimensionMismatch, match=r"2 dimensions.* 3"):
        store.apply(index, upsert(B, vectors=[row(1, 2)], deleted_ids=("a",)))
    with pytest.raises(DimensionMismatch):
        store.search(index, row(1, 2), k=1)
    assert ids(store.list(index)) == ["a"]


@pytest.mark.parametrize("rows", [None, 1, 3])
def test_an_item_without_its_vector_is_a_bug(store, index, rows):
    vectors = rows and Vectors(3, row(1, 0, 0) * rows)
    with pytest.raises(ValueError, match="vector"):
        store.apply(index, Write((A, B), vectors))


def test_too_many_fields_are_refused_and_nothing_is_written(store, index):
    many = {f"field {n}": n for n in range(MAX_FIELDS - 1)}
    store.apply(index, upsert(Item("a", metadata=many)))
    with pytest.raises(InvalidInput, match=f"{MAX_FIELDS + 1} fields; at most {MAX_FIELDS}"):
        store.apply(index, upsert(Item("b", metadata={"x": 1, "y": 1}), deleted_ids=("a",)))
    assert ids(store.list(index)) == ["a"]
    store.apply(index, upsert(Item("b", metadata={"x": 1, "nested": {"y": 1}, "none": None})))
    with pytest.raises(InvalidInput, match="fields"):
        store.apply(index, upsert(Item("c", metadata={"x": "of another type"})))
    assert ids(store.search(index, row(1, 0, 0), k=9, where=Exists("x"))) == ["b"]


@pytest.mark.parametrize("id_", [*HOSTILE, "é" * 256, " ", "a/b", "..", "x" * 512])
def test_any_text_may_be_an_id(store, index, id_):
    store.apply(index, upsert(Item(id_, "word"), Item("other")))
    store.apply(index, upsert(Item(id_, "word again")))
    assert [found.item for found in store.get(index, [id_])] == [Item(id_, "word again")]
    assert ids(store.list(index, after=id_)) == [other for other in ["other"] if other > id_]
    store.apply(index, upsert(Item("third"), deleted_ids=(id_,)))
    assert ids(store.list(index)) == ["other", "third"]
    store.apply(index, upsert(Item(id_)))
    store.apply(index, delete(id_))
    assert ids(store.list(index)) == ["other", "third"]


def test_items_are_listed_by_the_bytes_of_their_ids_from_behind_one(store, index):
    names = ["b", "a", "B", "é", "🦙", "\uffff", "a1", "10", "9", "aa"]
    store.apply(index, upsert(*map(Item, names)))
    ordered = sorted(names, key=str.encode)
    assert ids(store.list(index)) == ordered
    assert ids(store.list(index, limit=3)) == ordered[:3]
    assert ids(store.list(index, after=ordered[2], limit=4)) == ordered[3:7]
    assert ids(store.list(index, after="aaa")) == [name for name in ordered if name.encode() > b"aaa"]
    assert store.list(index, after=ordered[-1]) == ()


# --- metadata ---

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner)
)


@pytest.mark.parametrize(
    "value",
    [0.1, 1e308, 5e-324, -0.0, 1.0, 1, 2**53 + 1, 10**400, -(2**63) - 1, True, None, "", "\x00", "🦙", {"a": [{}]}, []],
    ids=repr,
)
def test_metadata_comes_back_as_it_was(store, index, value):
    store.apply(index, upsert(Item("a", metadata={"x": value, "": value, "deep": {"y": [value]}})))
    (found,) = store.get(index, ["a"])
    assert repr(found.item.metadata) == repr({"x": value, "": value, "deep": {"y": [value]}})


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(JSON, min_size=1, max_size=5), text=st.text(st.characters(codec="utf-8")))
def test_any_metadata_and_text_come_back_as_they_were(store, index, values, text):
    items = [Item(f"{n}", text, {"x": value}, text) for n, value in enumerate(values)]
    store.apply(index, upsert(*items))
    assert [found.item for found in store.get(index, ids(items))] == items


def test_vectors_come_back_to_the_bit(store, index):
    vector = row(0.1, -3e-39, 1e15)
    store.apply(index, upsert(A, vectors=[vector]))
    assert store.get(index, ["a"])[0].vector == vector
    assert store.search(index, row(0, 0, 1), k=1, with_vectors=True)[0].vector == vector
    assert store.search(index, row(0, 0, 1), k=1)[0].vector is None


def test_fields_are_told_with_the_types_that_they_came_in(store, index):
    store.apply(index, upsert(Item("a", metadata={"x": 1, "s": "t", "none": None, "deep": {"y": 1}, "列": True})))
    store.apply(index, upsert(Item("b", metadata={"x": "text", "": 2.5})))
    store.apply(index, delete("a", "b"))
    assert store.fields(index) == {
        "x": {FieldType.NUMBER, FieldType.TEXT},
        "s": {FieldType.TEXT},
        "列": {FieldType.FLAG},
        "": {FieldType.NUMBER},
    }


# --- search ---


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


# --- filters ---

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


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


# --- texts ---

LLAMAS = Item("llamas", "Llamas are domesticated South American camelids.")
CAMELS = Item("camels", "Camels, and camels only, have humps: camels!")
GOATS = Item("goats", "Goats are not camelids, they said (in 1999).")


@pytest.fixture
def animals(store, index):
    store.apply(index, upsert(LLAMAS, CAMELS, GOATS, Item("nothing"), vectors=[row(n, 1, 0) for n in range(4)]))
    return index


def test_a_text_is_found_by_any_of_its_words_whatever_their_case(store, animals):
    assert set(ids(store.search_text(animals, "CAMELIDS", k=9))) == {"llamas", "goats"}
    assert set(ids(store.search_text(animals, "humps 1999", k=9))) == {"camels", "goats"}
    assert store.search_text(animals, "camel", k=9) == ()
    assert store.search_text(animals, "penguins", k=9) == ()
    assert len(store.search_text(animals, "camelids", k=1)) == 1


def test_more_of_the_words_and_rarer_ones_score_higher(store, animals):
    hits = store.search_text(animals, "domesticated camelids are", k=9)
    assert ids(hits) == ["llamas", "goats"]
    assert hits[0].score > hits[1].score > 0


@pytest.mark.parametrize(
    "query",
    [
        "",
        " ",
        "*",
        "?",
        '"',
        "'",
        '"unclosed',
        "(",
        "text:",
        "~",
        "^2",
        "+",
        "&&",
        "||",
        "\\",
        "\x00",
        "🦙",
        "[a TO b]",
    ],
)
def test_nothing_in_a_query_is_syntax(store, animals, query):
    assert store.search_text(animals, query, k=9) == ()
    assert ids(store.search_text(animals, f"{query} humps {query}", k=9)) == ["camels"]
    assert ids(store.search_text(animals, f"{query} NOT humps", k=9)) == ids(
        store.search_text(animals, "not humps", k=9)
    )


def test_words_of_a_long_query_are_all_looked_for(store, animals):
    assert ids(store.search_text(animals, "x " * 2000 + "humps", k=9)) == ["camels"]


def test_a_text_search_brings_vectors_where_asked_for(store, animals):
    (hit,) = store.search_text(animals, "humps", k=1, with_vectors=True)
    assert (hit.item, floats(hit.vector)) == (CAMELS, (1, 1, 0))
    assert store.search_text(animals, "humps", k=1)[0].vector is None


def test_an_index_made_without_texts_keeps_them_and_does_not_search_them(store):
    store.create("mute", Shape(3, has_text=False))
    store.apply("mute", upsert(LLAMAS))
    with pytest.raises(NotSupported):
        store.search_text("mute", "llamas", k=1)
    assert store.get("mute", ["llamas"])[0].item == LLAMAS


# --- upkeep ---


def test_tending_changes_no_answer(store, animals):
    def answers():
        return (
            store.list(animals),
            ids(store.search(animals, row(2, 1, 0), k=9)),
            ids(store.search_text(animals, "camelids humps", k=9)),
        )

    for n in range(20):
        store.apply(animals, upsert(Item(f"{n}", f"number {n}")))
    before = answers()
    store.tend(animals)
    assert answers() == before
    store.tend(animals)
    store.apply(animals, delete(*(f"{n}" for n in range(20))))
    assert store.stats(animals).count == 4


def test_stats_count_items_and_bytes(store, index):
    store.apply(index, upsert(*(Item(f"{n}", "x" * 1000) for n in range(100))))
    stats = store.stats(index)
    assert stats.count == 100
    assert 0 < stats.size_bytes < 10_000_000
