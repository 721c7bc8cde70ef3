import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.kernel.errors import InvalidInput
from llmanager.vdb.conditions import parse, typed
from llmanager.vdb.entities import (
    MAX_FIELD_BYTES,
    MAX_FILTER_CONDITIONS,
    MAX_FILTER_DEPTH,
    MAX_FILTER_VALUES,
    MAX_METADATA_BYTES,
)
from llmanager.vdb.filters import And, Compare, Exists, In, Not, Op, Or, matches
from llmanager.vdb.ports import FieldType


@pytest.mark.parametrize(
    ("given_json", "tree"),
    [
        ({}, And(())),
        ({"lang": "en"}, Compare("lang", Op.EQ, "en")),
        ({"n": 1, "ok": True}, And((Compare("n", Op.EQ, 1), Compare("ok", Op.EQ, True)))),
        ({"n": {"$gte": 1, "$lt": 2.5}}, And((Compare("n", Op.GE, 1), Compare("n", Op.LT, 2.5)))),
        ({"n": {"$gt": 1}}, Compare("n", Op.GT, 1)),
        ({"n": {"$lte": 1}}, Compare("n", Op.LE, 1)),
        ({"s": {"$eq": "x"}}, Compare("s", Op.EQ, "x")),
        ({"s": {"$ne": "x"}}, Compare("s", Op.NE, "x")),
        ({"s": {"$in": ["x", "y"]}}, In("s", ("x", "y"))),
        ({"n": {"$in": [1, 2.5]}}, In("n", (1, 2.5))),
        ({"s": {"$nin": ["x", "y"]}}, And((Compare("s", Op.NE, "x"), Not(In("s", ("x", "y")))))),
        ({"s": {"$exists": True}}, Exists("s")),
        ({"s": {"$exists": False}}, Not(Exists("s"))),
        ({"$and": [{"a": 1}, {"b": 2}]}, And((Compare("a", Op.EQ, 1), Compare("b", Op.EQ, 2)))),
        ({"$or": [{"a": 1}]}, Or((Compare("a", Op.EQ, 1),))),
        ({"$not": {"a": 1}}, Not(Compare("a", Op.EQ, 1))),
        ({"": "a field may have no name"}, Compare("", Op.EQ, "a field may have no name")),
        ({"a.b": 1}, Compare("a.b", Op.EQ, 1)),
    ],
)
def test_a_filter_becomes_a_tree(given_json, tree):
    assert parse(given_json) == tree


@pytest.mark.parametrize(
    ("given_json", "said"),
    [
        (None, "must be an object"),
        ([], "must be an object"),
        ("lang = 'en'", "must be an object"),
        ({"$or": ["x"]}, "must be an object"),
        ({"$or": []}, r"\$or without a list of at least one"),
        ({"$and": {"a": 1}}, r"\$and without a list of at least one"),
        ({"$not": [{"a": 1}]}, "must be an object"),
        ({"$not": {}}, "an empty object"),
        ({"$or": [{}]}, "an empty object"),
        ({"$where": "1=1"}, r"unknown operator '\$where'.*\$and, \$or and \$not"),
        ({"a": {"$regex": "x"}}, r"unknown operator '\$regex'.*\$eq, \$ne, .*\$exists"),
        ({"a": {"b": 1}}, "unknown operator 'b'"),
        ({"a": {}}, "no condition for the field 'a'"),
        ({"a": None}, r"null.*\$exists"),
        ({"a": [1]}, "a list or an object"),
        ({"a": {"$eq": {"b": 1}}}, "a list or an object"),
        ({"a": {"$in": 1}}, rf"\$in without a list of 1 to {MAX_FILTER_VALUES}"),
        ({"a": {"$in": []}}, r"\$in without a list"),
        ({"a": {"$nin": []}}, r"\$nin without a list"),
        ({"a": {"$in": [0] * (MAX_FILTER_VALUES + 1)}}, r"\$in without a list"),
        ({"a": {"$in": [1, "1"]}}, "several types"),
        ({"a": {"$in": [1, True]}}, "several types"),
        ({"a": {"$in": [None]}}, "null"),
        ({"a": {"$exists": 1}}, "true or false"),
        ({"a": {"$gt": True}}, "no order"),
        ({"a": float("nan")}, "not finite"),
        ({"a": float("inf")}, "not finite"),
        ({"a": 10**400}, "too large"),
        ({"é" * 128 + "x": 1}, f"more than {MAX_FIELD_BYTES} bytes"),
        ({"a": "x" * (MAX_METADATA_BYTES + 1)}, f"more than {MAX_METADATA_BYTES} bytes"),
        ({"a": "\ud800"}, "lone surrogate"),
        ({"\ud800": 1}, "lone surrogate"),
        ({"a": {"$in": [1] * 3, **{f"${n}": 1 for n in range(9)}}}, "unknown operator"),
    ],
)
def test_what_is_no_filter_is_refused_and_the_text_says_why(given_json, said):
    with pytest.raises(InvalidInput, match=f"^'filter' .*{said}.*\\.$") as refused:
        parse(given_json)
    assert refused.value.param == "filter"
    refused.value.args[0].encode()
    assert len(str(refused.value)) < 300


def nested(levels: int):
    return {"a": 1} if levels == 1 else {"$not": nested(levels - 1)}


def test_depth_is_limited():
    parse(nested(MAX_FILTER_DEPTH))
    with pytest.raises(InvalidInput, match=f"more than {MAX_FILTER_DEPTH} deep"):
        parse(nested(MAX_FILTER_DEPTH + 1))


@pytest.mark.parametrize("test", [1, {"$exists": True}, {"$in": [1]}])
def test_the_number_of_conditions_is_limited(test):
    parse({"$or": [{"a": test}] * MAX_FILTER_CONDITIONS})
    with pytest.raises(InvalidInput, match=f"more than {MAX_FILTER_CONDITIONS} conditions"):
        parse({"$or": [{"a": test}] * MAX_FILTER_CONDITIONS, "b": 1})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "b", "$and", "$or", "$not", "$in", "$nin", "$gt", "$ne", "$exists"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=20,
)


@given(JSON, st.dictionaries(st.sampled_from(["a", "b"]), st.booleans() | st.integers() | st.text(), max_size=2))
def test_any_json_is_refused_or_has_a_meaning(given_json, metadata):
    try:
        tree = parse(given_json)
    except InvalidInput:
        return
    assert matches(tree, metadata) is not matches(Not(tree), metadata)


def test_a_filter_that_went_over_the_wire_means_the_same():
    given_json = {"$or": [{"a": {"$in": [1, 2]}}, {"$not": {"b": {"$lte": "x"}}}]}
    assert parse(json.loads(json.dumps(given_json))) == parse(given_json)


def test_top_level_scalars_of_metadata_are_typed():
    long_name = "x" * (MAX_FIELD_BYTES + 1)
    metadata = {"a": 1, "b": True, "c": "x", "d": None, "e": [1], "f": {"a": 1}, "g": float("nan"), long_name: 1}
    assert typed(metadata) == {
        ("a", FieldType.NUMBER): 1.0,
        ("b", FieldType.FLAG): True,
        ("c", FieldType.TEXT): "x",
    }
