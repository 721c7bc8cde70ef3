"""Documents over HTTP: sent, embedded by a job, found."""

import pytest

from tests.api.shape import assert_error
from tests.api.test_files import announced, sent
from tests.fakes.eventually import eventually


def uploaded(api, filename, content):
    file = announced(api, filename, len(content))
    assert sent(api, file, content).status == 200
    return file["file_id"]


def finished(api, body, path="/vdb/embed"):
    answer = api.post(path, body)
    assert answer.status == 202, answer
    ask = {"job_id": answer.json["job_id"], "wait_s": 5}
    return eventually(lambda: api.post("/jobs/status", ask).json, lambda job: job["ended_at"] is not None)


@pytest.fixture
def vdb(api, name, embedding_model):
    assert api.post("/vdb/create", {"name": name, "model": embedding_model}).status == 202
    yield name
    assert api.post("/vdb/delete", {"name": name}).status in (200, 404)


def test_a_document_is_found_by_what_it_says_and_is_embedded_once(api, vdb, embedding_model):
    filename = f"{vdb}/honey.md"
    uploaded(api, filename, b"# Honey\n\nHoney never spoils.\n")
    order = {"model": embedding_model, "src": filename, "vdb": vdb}
    result = finished(api, order)["result"]
    assert (result["documents"], result["embedded"], result["failed"]) == (1, 1, [])
    hit = api.post("/vdb/query", {"name": vdb, "query": "What keeps for ever?"}).json["results"][0]
    assert (hit["source"], hit["metadata"]["chunk"]) == (filename, 0)
    assert finished(api, order)["result"]["skipped"] == 1


def test_what_is_wrong_with_one_document_is_told_and_the_others_go_on(api, vdb, embedding_model):
    wrong = {"a.pdf": b"no pdf", "b.docx": b"PK\x03\x04 no docx", "c.txt": b"", "d.exe": b"MZ", "e.txt": b"\0\1" * 99}
    for filename, content in {**wrong, "good.txt": b"Bees dance."}.items():
        uploaded(api, f"{vdb}/{filename}", content)
    result = finished(api, {"model": embedding_model, "src": f"{vdb}/", "vdb": vdb})["result"]
    assert {failure["document"].rpartition("/")[2] for failure in result["failed"]} == set(wrong)
    assert all(failure["reason"] for failure in result["failed"])
    assert api.post("/vdb/status", {"name": vdb}).json["count"] == 1


def test_a_target_is_loaded_into_another_database(api, vdb, embedding_model):
    uploaded(api, f"{vdb}/a.csv", b"name,year\nAda,1815\nAlan,1912\n")
    target = f"embedded-{vdb}"
    finished(api, {"model": embedding_model, "src": f"{vdb}/a.csv", "target": target})
    loaded = finished(api, {"name": vdb, "src": target}, "/vdb/add")
    assert (loaded["status"], loaded["result"]["written"]) == ("done", 2)
    assert len(api.post("/vdb/query", {"name": vdb, "query": "Ada", "filter": {"year": 1815}}).json["data"]) == 1


@pytest.mark.parametrize("src", ["there-is-none", "s3://none/a.txt", "folder:../..", "folder:/etc"])
def test_a_source_that_is_not_there_fails_the_job_and_writes_nothing(api, vdb, embedding_model, src):
    job = finished(api, {"model": embedding_model, "src": src, "vdb": vdb})
    assert (job["status"], job["result"]) == ("failed", None)
    assert job["error"]["code"] in ("source_not_found", "not_found")
    assert api.post("/vdb/status", {"name": vdb}).json["count"] == 0


def test_what_can_be_known_at_once_is_refused_at_once(api, vdb, embedding_model, chat_model):
    order = {"model": embedding_model, "src": "a.txt", "vdb": vdb}
    for wrong, status, param in [
        ({"chunking": {"size": 0}}, 422, "chunking.size"),
        ({"chunking": {"overlap": -1}}, 422, "chunking.overlap"),
        ({"chunking": {"strategy": "magic"}}, 422, "chunking.strategy"),
        ({"model": chat_model}, 422, "model"),
        ({"model": "no-such-model"}, 409, None),
        ({"vdb": "no-such-vdb"}, 404, None),
    ]:
        assert assert_error(api.post("/vdb/embed", {**order, **wrong}), status)["param"] == param
