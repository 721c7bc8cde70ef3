"""Vector databases over HTTP: filled, asked, hibernated, restored, deleted."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.shape import assert_error
from tests.fakes.eventually import eventually

FRUIT = [
    {"id": "1", "text": "A red apple fell from the tree.", "metadata": {"kind": "apple", "year": 2020}},
    {"id": "2", "text": "Green pears ripen late in autumn.", "metadata": {"kind": "pear", "year": 2024}},
    {"id": "3", "text": "The train to Bergen leaves at noon.", "metadata": {"kind": "train", "source": "trains.txt"}},
]


def done(api, verb, status=200, **body):
    answer = api.post(f"/vdb/{verb}", body)
    assert answer.status == status, answer
    return answer.json


def asked(api, vdb, **body):
    return [result["id"] for result in done(api, "query", name=vdb, **body)["results"]]


@pytest.fixture
def vdb(api, name):
    done(api, "create", 202, name=name)
    yield name
    assert api.post("/vdb/delete", {"name": name}).status in (200, 404)


@pytest.fixture
def points(api, vdb):
    """Four items whose vectors are the corners of a square."""
    vectors = [[1, 0], [0, 1], [-1, 0], [0, -1]]
    texts = ["east", "north", "west", "south"]
    metadata = [{"n": n, "is_polar": n % 2 == 1} for n in range(4)]
    done(api, "add", name=vdb, vectors=vectors, texts=texts, metadata=metadata, ids=texts)
    return vdb


@pytest.fixture
def fruit(api, vdb, embedding_model):
    done(api, "add", name=vdb, model=embedding_model, documents=FRUIT)
    return vdb


def test_with_only_a_name_it_is_up_at_once(api, vdb):
    status = done(api, "status", name=vdb)
    assert (status["status"], status["is_up"], status["count"]) == ("ready", True, 0)
    assert asked(api, vdb, query="anything") == []
    assert_error(api.post("/vdb/create", {"name": vdb}), 409)


def test_a_plan_says_what_would_be_made_and_makes_nothing(api, name):
    plan = done(api, "create", name=name, dim=8, dry_run=True)["plan"]
    assert plan["usd_per_hour"] == "0"
    assert_error(api.post("/vdb/status", {"name": name}), 404)


def test_texts_are_embedded_and_found_by_meaning(api, fruit):
    answer = done(api, "query", name=fruit, query="Which fruit is red?", k=2)
    assert answer["data"][0] == FRUIT[0]["text"]
    assert answer["data"] == [result["text"] for result in answer["results"]]
    assert set(answer["results"][0]) == {"id", "text", "score", "metadata", "source"}
    assert asked(api, fruit, query="railway", mode="vector", k=1) == ["3"]
    assert done(api, "query", name=fruit, query="train")["results"][0]["source"] == "trains.txt"


@pytest.mark.parametrize("mode", ["vector", "text", "hybrid"])
def test_every_mode_obeys_a_filter(api, fruit, mode):
    found = asked(api, fruit, query="pears and apples that ripen", mode=mode, filter={"year": {"$gte": 2021}})
    assert found == ["2"]


def test_both_request_forms_ask_the_same(api, fruit, embedding_model):
    readme = api.post("/vdb/query", {"model": embedding_model, "query": "pear", "name": fruit}).json["data"]
    from_lambda = api.post("/vdb/query", {"name": fruit, "index": fruit, "query": "pear"}).json["data"]
    assert readme == from_lambda
    assert_error(api.post("/vdb/query", {"name": fruit, "index": "other", "query": "pear"}), 404)


def test_an_embedder_cannot_be_changed(api, fruit):
    assert_error(api.post("/vdb/query", {"name": fruit, "query": "pear", "model": "another"}), 422)


def test_vectors_are_asked_without_an_embedder(api, points):
    assert asked(api, points, vector=[0.9, 0.1], k=2) == ["east", "north"]
    assert asked(api, points, vector=[0.9, 0.1], filter={"is_polar": True}) == ["north", "south"]
    assert asked(api, points, query="west") == ["west"]
    assert_error(api.post("/vdb/query", {"name": points, "vector": [1, 0, 0]}), 422)
    error = assert_error(api.post("/vdb/query", {"name": points, "vector": [1, 0], "filter": {"m": 1}}), 422)
    assert (error["code"], error["param"]) == ("unknown_field", "filter")


def test_adding_again_replaces_and_changes_no_count(api, points):
    done(api, "add", name=points, vectors=[[1, 1]], texts=["north-east"], ids=["east"])
    assert done(api, "status", name=points)["count"] == 4
    assert done(api, "get", name=points, ids=["east"])["items"][0]["text"] == "north-east"


def test_an_add_that_is_wrong_anywhere_adds_nothing(api, points):
    for wrong in ({"vectors": [[1, 1], [1]]}, {"vectors": [[1, 1], [1, 1]], "ids": ["new", ""]}):
        assert_error(api.post("/vdb/add", {"name": points, **wrong}), 422)
    assert done(api, "status", name=points)["count"] == 4


def test_items_are_read_in_pages_and_deleted(api, points):
    seen, cursor = [], None
    while True:
        page = done(api, "get", name=points, limit=3, **({"cursor": cursor} if cursor else {}))
        seen += [item["id"] for item in page["items"]]
        if not (cursor := page["cursor"]):
            break
    assert seen == ["east", "north", "south", "west"]
    assert done(api, "delete_items", name=points, ids=["east", "nobody"]) == {"deleted": 1}
    assert done(api, "delete_items", name=points, filter={"is_polar": True}) == {"deleted": 2}
    assert [item["id"] for item in done(api, "get", name=points)["items"]] == ["west"]


def test_it_sleeps_and_the_next_query_finds_what_was_there(api, points):
    before = done(api, "query", name=points, vector=[0.9, 0.2])
    assert done(api, "hibernate", name=points)["status"] == "asleep"
    status = done(api, "status", name=points)
    assert (status["is_up"], status["count"]) == (False, 4)
    assert done(api, "query", name=points, vector=[0.9, 0.2]) == before
    assert done(api, "status", name=points)["is_up"] is True


def test_it_is_restored_by_name(api, points):
    done(api, "hibernate", name=points)
    done(api, "restore", 202, name=points)
    eventually(lambda: done(api, "status", name=points)["is_up"], bool)


def test_adds_at_once_are_all_kept(api, points):
    def add(n):
        return api.post("/vdb/add", {"name": points, "vectors": [[n, 1]], "ids": [f"n{n}"]}).status

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(add, range(16))) == [200] * 16
    assert done(api, "status", name=points)["count"] == 4 + 16


def test_a_deleted_one_is_gone_and_its_name_is_free(api, points):
    assert done(api, "delete", name=points)["status"] == "deleted"
    assert_error(api.post("/vdb/query", {"name": points, "vector": [1, 0]}), 404)
    assert points not in {vdb["name"] for vdb in done(api, "list", limit=200)["vdbs"]}
    done(api, "create", 202, name=points)
    assert done(api, "status", name=points)["count"] == 0


def test_a_source_that_a_job_loads_is_answered_with_the_job(api, vdb):
    job = done(api, "add", 202, name=vdb, src="there-is-no-such-file")
    assert set(job) == {"job_id", "status"}


def test_what_never_was_is_not_found(api, name):
    for verb, body in [("add", {"texts": ["a"]}), ("query", {"query": "a"}), ("get", {}), ("hibernate", {})]:
        assert assert_error(api.post(f"/vdb/{verb}", {"name": name, **body}), 404)["code"] == "vdb_not_found"
