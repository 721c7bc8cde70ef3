"""What POST /vdb/* answers to what is right."""

import pytest

from llmanager.kernel.errors import Unavailable
from tests.unit.api.vdb_house import House, filled_house


@pytest.fixture
def house():
    return House()


@pytest.fixture
def fruit():
    return filled_house()


def test_a_create_answers_with_how_it_is(house):
    assert house.post("create", 202, name="docs", dim=2, metric="l2", sleep_after_s=60, ttl_s=90) == {
        "name": "docs",
        "status": "ready",
        "is_up": True,
        "dim": 2,
        "metric": "l2",
        "model": None,
        "hybrid": True,
        "store": "lancedb",
        "created_at": "2026-11-20T12:00:00.000Z",
        "last_used_at": None,
        "sleeps_at": "2026-11-20T12:01:00.000Z",
        "deletes_at": "2026-11-20T12:01:30.000Z",
        "expires_at": "2026-11-20T12:01:30.000Z",
        "count": 0,
        "bytes": 0,
        "segments": 0,
        "events": [{"at": "2026-11-20T12:00:00.000Z", "what": "created", "why": ""}],
    }
    assert house.refusal("create", 409, name="docs") == ("vdb_exists", None)


def test_a_dry_run_tells_the_plan_and_its_price_and_makes_nothing(house):
    plan = house.post("create", name="docs", dim=2, dry_run=True)["plan"]
    assert plan == {
        "actions": ["make an index of 2 dimensions, by cosine, with searchable texts"],
        "store": "lancedb",
        "usd_per_hour": "0",
        "usd_per_month": "0",
    }
    assert house.refusal("status", 404, name="docs") == ("vdb_not_found", None)
    house.post("create", 202, name="docs")
    house.post("create", 409, name="docs", dry_run=True)


def test_a_store_that_this_platform_does_not_have_is_refused_before_anything_is_made(house):
    assert house.refusal("create", 422, name="docs", store="opensearch") == ("invalid_input", "store")
    assert house.refusal("status", 404, name="docs") == ("vdb_not_found", None)
    assert house.post("create", 202, name="docs", store="lancedb")["store"] == "lancedb"


def test_an_index_that_cannot_be_made_yet_is_being_created(house):
    house.store.down = Unavailable("away")
    assert house.post("create", 202, name="docs", dim=2)["status"] == "creating"
    house.store.down = None
    assert house.post("status", name="docs")["is_up"] is False
    assert house.post("restore", 202, name="docs")["status"] == "ready"


def test_documents_are_added_and_found(fruit):
    answer = fruit.post("query", name="docs", query="red apple")
    assert answer["data"] == ["red apple", "green pear"]
    first = answer["results"][0]
    assert first.pop("score") > 0
    assert first == {
        "id": "1",
        "text": "red apple",
        "metadata": {"year": 2020, "source": "fruit.txt"},
        "source": "fruit.txt",
    }


def test_texts_with_metadata_and_ids_are_added(house):
    house.post("create", 202, name="docs", model="minilm")
    body = {"texts": ["red apple", "green pear"], "metadata": [{"year": 1}, {}], "ids": ["1", "2"]}
    assert house.post("add", name="docs", **body) == {"added": 2, "ids": ["1", "2"]}
    assert house.post("get", name="docs", ids=["1"])["items"] == [
        {"id": "1", "text": "red apple", "metadata": {"year": 1}, "source": ""}
    ]


def test_langchains_documents_are_taken_as_they_are(house):
    house.post("create", 202, name="docs", model="minilm")
    document = {"id": None, "metadata": {"source": "a.txt"}, "page_content": "red apple", "type": "Document"}
    (id_,) = house.post("add", name="docs", documents=[document])["ids"]
    assert house.post("get", name="docs", ids=[id_])["items"][0]["source"] == "a.txt"
    assert house.post("add", name="docs", documents=[document])["ids"] == [id_]


def test_vectors_are_added_with_or_without_texts(house):
    house.post("create", 202, name="docs")
    house.post("add", name="docs", vectors=[[1, 0], [0, 1.5]], ids=["e", "n"])
    house.post("add", name="docs", vectors=[[1, 1]], texts=["north-east"], ids=["ne"])
    assert house.post("query", name="docs", vector=[0, 1], k=1)["results"][0]["id"] == "n"
    assert house.post("query", name="docs", query="north", mode="text")["data"] == ["north-east"]
    assert house.post("status", name="docs")["dim"] == 2


def test_what_an_add_of_one_item_twice_counts_is_one(house):
    house.post("create", 202, name="docs", model="minilm")
    answer = house.post("add", name="docs", texts=["red apple", "red apple"])
    assert (answer["added"], len(answer["ids"])) == (1, 2)


def test_a_source_is_loaded_by_a_job(fruit):
    assert fruit.post("add", 202, name="docs", src="t8.shakespeare.txt") == {"job_id": "job-1", "status": "queued"}
    job = fruit.jobs[0]
    assert (job.kind, job.payload) == ("vdb.load", {"name": "docs", "src": "t8.shakespeare.txt"})
    assert fruit.refusal("add", 404, name="other", src="t8.shakespeare.txt") == ("vdb_not_found", None)


def test_the_lambdas_add_is_taken(fruit):
    fruit.post("add", 202, name="docs", index="docs", s3_src_bucket="target", s3_src_key="t8.txt")
    assert fruit.jobs[0].payload == {"name": "docs", "src": "s3://target/t8.txt"}


def test_the_lambdas_query_is_taken(fruit):
    assert fruit.post("query", name="docs", index="docs", query="apple")["data"][0] == "red apple"


def test_the_readmes_query_is_taken(fruit):
    assert fruit.post("query", model="minilm", query="apple", name="docs")["data"][0] == "red apple"


def test_another_index_than_the_one_there_is_is_not_found(fruit):
    for verb, more in [
        ("query", {"query": "apple"}),
        ("add", {"texts": ["apple"]}),
        ("get", {}),
        ("delete_items", {"ids": ["1"]}),
        ("add_index", {"dim": 16}),
    ]:
        assert fruit.refusal(verb, 404, name="docs", index="other", **more) == ("vdb_index_not_found", None)


def opensearch(dimension, space_type="l2"):
    method = {"name": "hnsw", "engine": "faiss", "space_type": space_type}
    field = {"type": "knn_vector", "dimension": dimension, "method": method}
    return {"settings": {"index.knn": True}, "mappings": {"properties": {"text": {"type": "text"}, "docs": field}}}


def test_an_index_is_declared_by_its_dimension_or_by_a_body(house):
    house.post("create", 202, name="docs")
    assert house.post("add_index", name="docs", idx_body=opensearch(3))["metric"] == "l2"
    assert house.post("add_index", name="docs", dim=3)["dim"] == 3
    assert house.post("add_index", name="docs", idx_body={"dimension": 3})["metric"] == "l2"
    assert house.refusal("add_index", 422, name="docs", dim=4) == ("dimension_mismatch", "dim")
    assert house.refusal("add_index", 422, name="docs", idx_body=opensearch(3, "cosinesimil"))[1] == "idx_body"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"dim": 2, "idx_body": {"dimension": 2}},
        {"dim": 0},
        {"dim": 5000},
        {"idx_body": {}},
        {"idx_body": {"mappings": 3}},
        {"idx_body": {"mappings": {"properties": [1]}}},
        {"idx_body": {"mappings": {"properties": {"a": 1}}}},
        {"idx_body": {"dimension": "many"}},
        {"idx_body": {"dimension": -1}},
    ],
)
def test_an_index_without_dimensions_is_refused(house, body):
    house.post("create", 202, name="docs")
    house.post("add_index", 422, name="docs", **body)


def test_items_are_read_page_by_page(fruit):
    first = fruit.post("get", name="docs", limit=1)
    rest = fruit.post("get", name="docs", limit=1, cursor=first["cursor"])
    assert [item["id"] for item in first["items"] + rest["items"]] == ["1", "2"]
    assert rest["cursor"] is None


def test_items_are_deleted_by_id_or_filter(fruit):
    assert fruit.post("delete_items", name="docs", ids=["1", "nobody"]) == {"deleted": 1}
    assert fruit.post("delete_items", name="docs", filter={"year": {"$gt": 2000}}) == {"deleted": 1}
    assert fruit.post("get", name="docs")["items"] == []


def test_a_filter_narrows_what_is_found(fruit):
    body = {"name": "docs", "query": "apple pear"}
    assert fruit.post("query", **body, filter={"year": 2024})["data"] == ["green pear"]
    assert len(fruit.post("query", **body, filter={})["data"]) == 2
    assert fruit.refusal("query", 422, **body, filter={"color": "red"}) == ("unknown_field", "filter")
    assert fruit.refusal("query", 422, **body, filter={"year": {"$regex": "2"}}) == ("invalid_input", "filter")


@pytest.mark.parametrize("mode", ["vector", "text", "hybrid"])
def test_every_mode_finds(fruit, mode):
    assert fruit.post("query", name="docs", query="pear", mode=mode, k=1)["data"] == ["green pear"]


def test_a_rerank_is_taken(fruit):
    assert fruit.post("query", name="docs", query="pear", rerank="mmr", k=1)["data"] == ["green pear"]
    assert fruit.refusal("query", 422, name="docs", query="pear", rerank="best")[1] == "rerank"


def test_collections_are_listed_in_pages(house):
    for name in ("a", "b", "c"):
        house.post("create", 202, name=name)
    first = house.post("list", limit=2)
    rest = house.post("list", limit=2, cursor=first["cursor"])
    assert [vdb["name"] for vdb in first["vdbs"] + rest["vdbs"]] == ["a", "b", "c"]
    assert rest["cursor"] is None
    assert set(first["vdbs"][0]) >= {"name", "status", "is_up", "dim", "metric", "model"}


def test_it_sleeps_and_wakes_by_name_and_by_a_query(fruit):
    asleep = fruit.post("hibernate", name="docs")
    assert (asleep["status"], asleep["is_up"], asleep["count"]) == ("asleep", False, 2)
    assert fruit.post("status", name="docs")["status"] == "asleep"
    assert fruit.post("restore", 202, name="docs")["is_up"] is True
    fruit.post("hibernate", name="docs")
    assert fruit.post("query", name="docs", query="pear", k=1)["data"] == ["green pear"]
    assert fruit.post("status", name="docs")["is_up"] is True


def test_a_deleted_one_is_gone_at_once(fruit):
    assert fruit.post("delete", name="docs") == {"name": "docs", "status": "deleted"}
    for verb, more in [("status", {}), ("delete", {}), ("query", {"query": "a"}), ("hibernate", {}), ("restore", {})]:
        assert fruit.refusal(verb, 404, name="docs", **more) == ("vdb_not_found", None)
    assert fruit.post("list")["vdbs"] == []


def test_anothers_reads_as_absent(fruit):
    rival = {"authorization": "Bearer rival"}
    answers = [
        fruit.client.post("/vdb/status", json={"name": "docs"}, headers=rival),
        fruit.post("delete", name="docs") and fruit.client.post("/vdb/status", json={"name": "docs"}),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_the_status_is_found_under_the_name_that_an_old_manual_misspells(fruit):
    assert fruit.post("statys", name="docs") == fruit.post("status", name="docs")
