"""Indexes as they are made: what serverless refuses is never sent to it, and names are legal and one's own."""

import json

import pytest

from llmanager.adapters.aws.opensearch_kind import Kind
from llmanager.adapters.aws.opensearch_shape import creation, index_name, ours, shape_of, told
from llmanager.vdb.entities import Metric, Shape
from tests.contracts.vector_store.samples import HOSTILE

SHAPES = [Shape(3), Shape(1024, Metric.L2), Shape(384, Metric.DOT, has_text=False)]


@pytest.mark.parametrize("shape", SHAPES)
def test_serverless_is_told_only_type_dimension_and_space(shape):
    body = creation("lm-dev-", "books", shape, Kind.SERVERLESS)
    vector = body["mappings"]["properties"]["vector"]
    assert set(vector) == {"type", "dimension", "space_type"}
    assert body["settings"] == {"index": {"knn": True}}
    for refused in ("engine", "method", "shards", "replicas", "refresh"):
        assert refused not in json.dumps(body)


@pytest.mark.parametrize("kind", [Kind.DOMAIN, Kind.OPEN])
def test_others_are_told_the_engine_and_that_one_shard_is_enough(kind):
    body = creation("lm-dev-", "books", Shape(3, Metric.L2), kind)
    assert body["mappings"]["properties"]["vector"]["method"] == {
        "name": "hnsw",
        "engine": "lucene",
        "space_type": "l2",
    }
    assert body["settings"]["index"]["number_of_shards"] == 1


@pytest.mark.parametrize("kind", Kind)
def test_texts_are_searchable_only_where_wanted_and_no_field_can_be_added(kind):
    assert "text" in creation("p", "i", Shape(3), kind)["mappings"]["properties"]
    assert "text" not in creation("p", "i", Shape(3, has_text=False), kind)["mappings"]["properties"]
    assert creation("p", "i", Shape(3), kind)["mappings"]["dynamic"] is False


@pytest.mark.parametrize("name", [*HOSTILE, "Books", "books", "a.1", "x" * 500, "lm-dev-books-abcd2345", ""])
def test_names_are_legal(name):
    made = index_name("lm-dev-", name)
    assert made.startswith("lm-dev-")
    assert len(made.encode()) <= 255
    assert made == made.lower()
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_names_differ_and_stay_readable():
    names = [index_name("lm-dev-", name) for name in ("Books", "books", "books ", "lm-dev-books")]
    assert len(set(names)) == len(names)
    assert all(name.startswith("lm-dev-books-") for name in names)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_comes_back_as_it_was_told(shape):
    assert shape_of(json.loads(json.dumps(told(shape)))) == shape


def test_only_ones_own_indexes_are_named():
    def made(prefix, index):
        return {"mappings": creation(prefix, index, Shape(3), Kind.OPEN)["mappings"]}

    there = {"1": made("lm-dev-", "b"), "2": made("lm-dev-", "a"), "3": made("lm-dev-2-", "c"), "4": {"mappings": {}}}
    assert ours("lm-dev-", there) == ("a", "b")
