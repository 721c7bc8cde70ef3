"""POST /vdb/* over the ASGI app, with fakes for table, index, blobs, embedder and time."""

import pytest
from starlette.testclient import TestClient

from llmanager.api.app import control_plane
from llmanager.api.routes.vdb import LOAD, vdb_routes
from llmanager.jobs.entities import Job, JobState
from llmanager.kernel.errors import OutOfSpace, Unavailable
from llmanager.vdb.errors import SegmentCorrupt
from llmanager.vdb.usecases.hibernate import hibernate
from tests.fakes.clock import NOON
from tests.fakes.data_path import FakeKeyring
from tests.unit.vdb.usecases.world import DOCS, World, in_thread, refused

SCOPES = frozenset({"vdb:read", "vdb:write", "vdb:query"})
DOCUMENTS = [
    {"id": "1", "text": "red apple", "metadata": {"year": 2020, "source": "fruit.txt"}},
    {"id": "2", "text": "green pear", "metadata": {"year": 2024}},
]


class House(World):
    """The routes; `jobs` are those that were submitted."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.jobs: list[Job] = []
        self.serve(SCOPES)

    def serve(self, scopes) -> None:
        routes = vdb_routes(
            vdbs=self.vdbs,
            embedder=self.embedder,
            run_blocking=in_thread,
            keyring=FakeKeyring(scopes=scopes),
            submit=self.submit,
        )
        self.app = control_plane([routes], lambda: None, "1")
        self.client = TestClient(self.app, headers={"authorization": "Bearer acme"})

    def submit(self, *, caller, kind, payload, lane) -> Job:
        job = Job(caller.tenant, "job-1", kind, caller.key_id, payload, JobState.QUEUED, NOON, NOON)
        assert lane == caller.tenant
        self.jobs.append(job)
        return job

    def post(self, verb, status=200, headers=None, **body):
        answer = self.client.post(f"/vdb/{verb}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def refusal(self, verb, status, **body):
        error = self.post(verb, status, **body)["error"]
        return error["code"], error["param"]


@pytest.fixture
def house():
    return House()


@pytest.fixture
def fruit(house):
    house.post("create", 202, name="docs", model="minilm")
    house.post("add", name="docs", documents=DOCUMENTS)
    return house


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
        "count": 0,
        "bytes": 0,
        "segments": 0,
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
    assert (job.kind, job.payload) == (LOAD, {"name": "docs", "src": "t8.shakespeare.txt"})
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
