"""Items as documents, bulk requests of bounded size, words of queries, values as words."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.adapters.aws.opensearch_documents import (
    MAX_BULK_BYTES,
    batch,
    bodies,
    document,
    found,
    version_id,
    with_last,
)
from llmanager.adapters.aws.opensearch_facets import UNDIRECTED, facets
from llmanager.adapters.aws.opensearch_scores import scorer
from llmanager.adapters.aws.opensearch_words import MAX_WORDS, words
from llmanager.vdb.entities import Item, Metric
from tests.contracts.vector_store.samples import HOSTILE, A, B, row, upsert


def test_of_items_with_the_same_id_the_last_one_is_sent_with_its_own_vector():
    made = batch(
        upsert(Item("a", "first"), B, Item("a", "last"), vectors=[row(1), row(2), row(3)], deleted_ids=("c", "a"))
    )
    assert [(item.id, item.text) for item in made.items] == [("a", "last"), ("b", "")]
    assert made.vectors == (row(3), row(2))
    assert made.touched == ("a", "b", "c")


@pytest.mark.parametrize("id_", [*HOSTILE, "x" * 512])
def test_a_versions_name_is_short_and_legal_whatever_the_id(id_):
    name = version_id(id_, 2**62)
    assert len(name) < 64
    assert name.isascii()
    assert name != version_id(id_, 2**62 + 1)
    assert name != version_id(id_ + "x", 2**62)


def test_a_document_brings_the_item_back():
    item = Item("a", "text", {"n": 10**400, "deep": {"x": [1, None]}}, "book.pdf")
    source = json.loads(json.dumps(document(item, row(0.1, -3e-39), 5, Metric.L2)))
    assert (found(source).item, found(source).vector) == (item, row(0.1, -3e-39))


def test_a_vector_without_a_direction_is_kept_and_not_indexed_where_the_cosine_is_asked_for():
    source = document(A, row(0, 0), 5, Metric.COSINE)
    assert "vector" not in source
    assert source["facets"] == [UNDIRECTED]
    assert "vector" in document(A, row(0, 0), 5, Metric.L2)
    assert not [word for name in HOSTILE for word in facets({name: UNDIRECTED, UNDIRECTED: name}) if word == UNDIRECTED]


def test_bulk_requests_are_of_bounded_size_and_in_order():
    lines = [b"x" * 10 + b"%d\n" % n for n in range(9)]
    made = list(bodies(iter(lines), max_bytes=30))
    assert b"".join(made) == b"".join(lines)
    assert max(map(len, made)) <= 30
    assert list(bodies(iter([b"y" * 100]), max_bytes=30)) == [b"y" * 100]
    assert list(bodies(iter([]))) == []
    assert MAX_BULK_BYTES < 10 * 2**20


def test_the_last_request_is_known_to_be_the_last():
    assert list(with_last(iter([b"a", b"b"]))) == [(b"a", False), (b"b", True)]
    assert list(with_last(iter([b"a"]))) == [(b"a", True)]
    assert list(with_last(iter([]))) == []


@given(st.lists(st.floats(allow_nan=False) | st.integers(-3, 3), min_size=2, max_size=2))
def test_numbers_as_words_are_in_the_order_of_the_numbers(pair):
    one, other = (facets({"x": value})[1] for value in pair)
    assert (one < other) == (float(pair[0]) < float(pair[1]))
    assert (one == other) == (float(pair[0]) == float(pair[1]))


def test_no_fields_name_passes_for_another():
    names = ["a", "a=b", "1:a", "a>", "", "=", "2:a", *HOSTILE]
    made = [word for name in names for value in ("b", "", 1, True) for word in facets({name: value})]
    assert len(set(made)) == len(names) * (2 + 1 + 2 + 2)  # the two texts share the word that there is a text


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("x " * 2000 + "humps", "x humps"),
        ("3.14 can't A-b a-B", "3.14 can't a-b"),
        ("", ""),
        (" \n", ""),
    ],
)
def test_each_word_is_asked_for_once_and_only_spaces_part_words(query, kept):
    assert words(query) == kept


@pytest.mark.parametrize("letter", ["漢", "🦙", "a ", "a-"])
def test_a_query_has_no_more_words_than_one_may_have(letter):
    many = "".join(f"{letter}{chr(0x4E00 + n)}" for n in range(5000))
    kept = words(many)
    assert 0 < len(kept.replace(" ", "")) <= 2 * MAX_WORDS


def test_scores_are_exact():
    assert scorer(Metric.COSINE, row(1, 0))(row(3, 4)) == pytest.approx(0.6, abs=1e-12)
    assert scorer(Metric.COSINE, row(0, 0))(row(3, 4)) == 0
    assert scorer(Metric.DOT, row(2, 0))(row(3, 4)) == 6
    assert scorer(Metric.L2, row(2, 0))(row(3, 4)) == -math.sqrt(17)
