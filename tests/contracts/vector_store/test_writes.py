"""What is written, and how it comes back."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmanager.kernel.errors import InvalidInput
from llmanager.vdb.entities import MAX_FIELDS, Found, Item, Vectors, Write
from llmanager.vdb.errors import DimensionMismatch
from llmanager.vdb.filters import Compare, Exists, Op
from llmanager.vdb.ports import FieldType
from tests.contracts.vector_store.samples import HOSTILE, NEAR_A, A, B, C, delete, ids, row, upsert


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
