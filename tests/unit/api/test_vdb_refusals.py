"""What POST /vdb/* answers to what is not."""

import pytest

from llmanager.kernel.errors import OutOfSpace, Unavailable
from llmanager.vdb.errors import SegmentCorrupt
from llmanager.vdb.usecases.hibernate import hibernate
from tests.unit.api.vdb_house import DOCUMENTS, SCOPES, House, filled_house
from tests.unit.vdb.usecases.world import DOCS, refused


@pytest.fixture
def house():
    return House()


@pytest.fixture
def fruit():
    return filled_house()


ROUTES = {
    "create": ("vdb:write", {}),
    "add": ("vdb:write", {"texts": ["a"]}),
    "add_index": ("vdb:write", {"dim": 2}),
    "delete_items": ("vdb:write", {"ids": ["1"]}),
    "hibernate": ("vdb:write", {}),
    "restore": ("vdb:write", {}),
    "delete": ("vdb:write", {}),
    "status": ("vdb:read", {}),
    "get": ("vdb:read", {}),
    "query": ("vdb:query", {"query": "a"}),
}


@pytest.mark.parametrize("verb", [*ROUTES, "list"])
def test_each_route_wants_its_scope(house, verb):
    scope, body = ROUTES.get(verb, ("vdb:read", {}))
    house.serve(SCOPES - {scope})
    named = {} if verb == "list" else {"name": "docs"}
    error = house.post(verb, 403, **named, **body)["error"]
    assert scope in error["message"]
    house.post(verb, 401, headers={"authorization": "Bearer nobody"}, **named, **body)


@pytest.mark.parametrize("verb", [*ROUTES, "list"])
def test_an_unknown_field_is_refused_and_named(house, verb):
    _, body = ROUTES.get(verb, ("", {}))
    named = {} if verb == "list" else {"name": "docs"}
    assert house.refusal(verb, 422, **named, **body, wholly_unknown=1) == ("invalid_input", "wholly_unknown")


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("create", {"name": "a/b"}),
        ("create", {"name": "docs", "metric": "manhattan"}),
        ("create", {"name": "docs", "store": "pinecone"}),
        ("create", {"name": "docs", "dim": 0}),
        ("create", {"name": "docs", "dim": 4097}),
        ("create", {"name": "docs", "dim": "2"}),
        ("create", {"name": "docs", "sleep_after_s": 0}),
        ("create", {"name": "docs", "hybrid": "yes"}),
        ("add", {"name": "docs"}),
        ("add", {"name": "docs", "texts": ["a"], "documents": DOCUMENTS}),
        ("add", {"name": "docs", "texts": ["a"], "src": "x"}),
        ("add", {"name": "docs", "src": "x", "ids": ["1"]}),
        ("add", {"name": "docs", "src": "x", "model": "minilm"}),
        ("add", {"name": "docs", "src": "x", "s3_src_bucket": "b", "s3_src_key": "k"}),
        ("add", {"name": "docs", "s3_src_bucket": "b"}),
        ("add", {"name": "docs", "texts": ["a", "b"], "ids": ["1"]}),
        ("add", {"name": "docs", "texts": ["a"], "metadata": []}),
        ("add", {"name": "docs", "documents": DOCUMENTS, "ids": ["1", "2"]}),
        ("add", {"name": "docs", "documents": [{"id": "1"}]}),
        ("add", {"name": "docs", "documents": [{"text": "a", "page_content": "a"}]}),
        ("add", {"name": "docs", "documents": [{"text": "a", "type": "Image"}]}),
        ("add", {"name": "docs", "texts": ["a"], "metadata": ["b"]}),
        ("add", {"name": "docs", "texts": ["a"], "metadata": [{"x": 2**64}]}),
        ("add", {"name": "docs", "texts": ["a"], "ids": [""]}),
        ("add", {"name": "docs", "texts": [" "]}),
        ("add", {"name": "docs", "texts": "a"}),
        ("add", {"name": "docs", "vectors": [[]]}),
        ("add", {"name": "docs", "vectors": [[1.0], [1.0, 2.0]]}),
        ("add", {"name": "docs", "vectors": [["1"]]}),
        ("add", {"name": "docs", "vectors": [[1e39] * 16]}),
        ("add", {"name": "docs", "vectors": [[1.0, 2.0]]}),
        ("query", {"name": "docs"}),
        ("query", {"name": "docs", "query": ""}),
        ("query", {"name": "docs", "query": "a", "k": 0}),
        ("query", {"name": "docs", "query": "a", "k": 201}),
        ("query", {"name": "docs", "query": "a", "k": 1.5}),
        ("query", {"name": "docs", "query": "a", "mode": "best"}),
        ("query", {"name": "docs", "query": "a", "filter": ["year"]}),
        ("query", {"name": "docs", "query": "a", "model": "other"}),
        ("query", {"name": "docs", "vector": [1.0, 2.0]}),
        ("get", {"name": "docs", "ids": []}),
        ("get", {"name": "docs", "ids": ["1"] * 201}),
        ("get", {"name": "docs", "limit": 0}),
        ("get", {"name": "docs", "cursor": "!"}),
        ("delete_items", {"name": "docs"}),
        ("delete_items", {"name": "docs", "ids": ["1"], "filter": {"year": 1}}),
        ("delete_items", {"name": "docs", "filter": {}}),
        ("list", {"limit": 201}),
        ("status", {"name": ""}),
    ],
    ids=repr,
)
def test_what_does_not_fit_is_422_and_changes_nothing(fruit, verb, body):
    error = fruit.post(verb, 422, **body)["error"]
    assert error["message"]
    assert fruit.post("status", name="docs")["segments"] == 1
    assert len(fruit.post("list")["vdbs"]) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"texts": ["x" * 300_000]}, "item_too_large"),
        ({"texts": ["a"], "metadata": [{"x": "x" * 20_000}]}, "item_too_large"),
        ({"texts": ["a"] * 5001, "ids": [str(n) for n in range(5001)]}, "write_too_large"),
    ],
)
def test_what_is_too_large_is_413_and_says_what_to_do(fruit, body, code):
    error = fruit.post("add", 413, name="docs", **body)["error"]
    assert error["code"] == code
    assert "at most" in error["message"]


def test_an_embedder_that_is_gone_is_a_conflict(fruit):
    fruit.embedder.models.clear()
    assert fruit.refusal("query", 409, name="docs", query="apple") == ("embedder_missing", None)
    assert fruit.refusal("add", 409, name="docs", texts=["apple"]) == ("embedder_missing", None)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (OutOfSpace("The disk is full."), 507, "out_of_space"),
        (Unavailable("Away."), 503, "unavailable"),
        (SegmentCorrupt("A checksum does not match."), 500, "segment_corrupt"),
    ],
)
def test_what_time_or_somebody_must_mend_is_told(fruit, error, status, code):
    hibernate(fruit.vdbs, DOCS)
    fruit.store.before_apply = refused(error)
    assert fruit.refusal("query", status, name="docs", query="apple") == (code, None)
    assert fruit.post("query", name="docs", query="apple", k=1)["data"] == ["red apple"]


def test_every_route_is_described(house):
    paths = house.client.get("/openapi.json").json()["paths"]
    assert {path for path in paths if path.startswith("/vdb/")} == {f"/vdb/{verb}" for verb in [*ROUTES, "list"]}
    for verb in ROUTES:
        answers = paths[f"/vdb/{verb}"]["post"]["responses"]
        assert {"default"} < set(answers)
        assert all(answer["content"]["application/json"]["schema"] for answer in answers.values())
    assert set(paths["/vdb/add"]["post"]["responses"]) >= {"200", "202"}
