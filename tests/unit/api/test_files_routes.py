"""Files over the ASGI app, behind the front as in a server."""

import hashlib
import json
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from tests.fakes.asgi import call
from tests.fakes.direct_uploads import FakeUploads
from tests.unit.api.files_house import BOTH, House, code_of, path_of


@pytest.fixture
def house():
    return House()


def test_a_file_is_announced_put_and_told(house):
    made = house.made()
    assert set(made) == {"file_id", "put_url", "expires_at"}
    assert made["put_url"].startswith(f"http://testserver/files/{made['file_id']}/content?token=")
    assert made["expires_at"] == "2026-11-20T18:00:00.000Z"
    answer = house.put(made["put_url"], b"hello")
    assert answer.status_code == 200
    told = {
        "file_id": made["file_id"],
        "filename": "docs/a.txt",
        "bytes": 5,
        "sha256": hashlib.sha256(b"hello").hexdigest(),
        "status": "ready",
        "created_at": "2026-11-20T12:00:00.000Z",
        "expires_at": None,
    }
    assert answer.json() == told
    assert house.client.get(f"/files/{made['file_id']}").json() == told
    assert house.post("/list") == {"files": [told], "cursor": None}


def test_before_its_upload_a_file_is_told_as_announced(house):
    made = house.made()
    told = house.client.get(f"/files/{made['file_id']}").json()
    assert (told["status"], told["sha256"], told["expires_at"]) == ("announced", None, made["expires_at"])
    assert house.post("/list")["files"] == []


def test_the_address_keeps_the_stage_that_the_caller_came_by(house):
    made = house.client.post("/dev/files", json={"filename": "a", "bytes": 1}).json()
    assert made["put_url"].startswith("http://testserver/dev/files/")
    assert house.put(made["put_url"], b"x").status_code == 200


def test_a_file_may_be_larger_than_any_other_body_up_to_the_limit_for_files(house):
    content = b"x" * 1000
    assert house.uploaded(content)
    assert house.post(status=413, filename="a", bytes=1001)["error"]["code"] == "file_too_large"
    assert code_of(house.client.post("/files", content=b"{" + b" " * 300)) == (413, "body_too_large")


@pytest.mark.parametrize("path", ["/files/UP/content", "/files//content", "/files/a/b/content", "/files/x/content/y"])
def test_no_other_path_takes_a_large_body(house, path):
    assert code_of(house.put(path, b"x" * 300)) == (413, "body_too_large")


def test_no_other_method_takes_a_large_body(house):
    assert code_of(house.client.post("/files/x/content", content=b"x" * 300)) == (413, "body_too_large")


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data; boundary=x"])
def test_content_is_kept_as_it_is_whatever_its_type(house, content_type):
    content = b'[1, NaN, {"a": '
    made = house.made(content)
    assert house.put(made["put_url"], content, {"content-type": content_type}).json()["bytes"] == len(content)


@pytest.mark.parametrize(
    ("content", "status", "code"), [(b"hello!", 413, "upload_too_long"), (b"hell", 400, "upload_too_short")]
)
def test_another_size_than_announced_is_refused_told_or_not_and_closes_the_connection(house, content, status, code):
    made = house.made()
    for body in (content, iter([content[:2], content[2:]])):
        answer = house.put(made["put_url"], body)
        assert code_of(answer) == (status, code)
        assert answer.headers["connection"] == "close"
    assert house.kept() == []


def test_a_second_upload_is_refused(house):
    made = house.made()
    house.put(made["put_url"], b"hello")
    assert code_of(house.put(made["put_url"], b"HELLO")) == (409, "already_uploaded")


def test_an_address_without_its_token_or_after_its_time_reads_as_none(house):
    made = house.made()
    url, _, token = made["put_url"].partition("?token=")
    asked = [url, f"{url}?token=", f"{url}?token={token[:-1]}", f"{url.replace(made['file_id'], 'x')}?token={token}"]
    answers = [house.put(address, b"hello") for address in asked]
    house.clock.advance(6 * 3600)
    answers.append(house.put(made["put_url"], b"hello"))
    assert {code_of(answer) for answer in answers} == {(404, "upload_not_found")}
    assert len({answer.content for answer in answers}) == 1


def test_a_file_is_deleted(house):
    id_ = house.uploaded()
    assert house.post("/delete", file_id=id_) == {"file_id": id_, "status": "deleted"}
    assert code_of(house.client.get(f"/files/{id_}")) == (404, "file_not_found")
    assert house.post("/delete", 404, file_id=id_)
    assert house.kept() == []


def test_files_are_listed_below_a_prefix_in_pages_however_long_their_names(house):
    house.serve(BOTH, max_body_bytes=10_000)
    names = ["b/1", "b/" + "/".join(["é" * 63] * 4)[:-1], "b/ê", "c"]
    for name in names:
        house.uploaded(filename=name)
    first = house.post("/list", prefix="b/", limit=2)
    rest = house.post("/list", prefix="b/", limit=2, cursor=first["cursor"])
    assert [file["filename"] for file in first["files"] + rest["files"]] == names[:3]


def test_another_tenants_file_reads_as_one_that_never_was(house):
    id_ = house.uploaded()
    rival = TestClient(house.app, headers={"authorization": "Bearer rival"})
    told = [rival.get(f"/files/{asked}").content for asked in (id_, "never")]
    told += [rival.post("/files/delete", json={"file_id": asked}).content for asked in (id_, "never")]
    assert len(set(told)) == 1
    assert rival.post("/files/list", json={}).json()["files"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "scope"),
    [
        ("POST", "", {"filename": "a", "bytes": 1}, "vdb:write"),
        ("POST", "/delete", {"file_id": "x"}, "vdb:write"),
        ("POST", "/list", {}, "vdb:read"),
        ("GET", "/x", None, "vdb:read"),
    ],
)
def test_each_route_wants_its_scope_and_a_key(house, method, path, body, scope):
    house.serve(BOTH - {scope})
    refused = house.client.request(method, f"/files{path}", json=body)
    assert (refused.status_code, scope in refused.json()["error"]["message"]) == (403, True)
    assert TestClient(house.app).request(method, f"/files{path}", json=body).status_code == 401


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {"filename": "a"}),
        ("", {"bytes": 1}),
        ("", {"filename": "", "bytes": 1}),
        ("", {"filename": "../a", "bytes": 1}),
        ("", {"filename": "a", "bytes": -1}),
        ("", {"filename": "a", "bytes": "1"}),
        ("", {"filename": "a", "bytes": 1.5}),
        ("", {"filename": "a", "bytes": 1, "ttl_s": 0}),
        ("", {"filename": "a", "bytes": 1, "tenant": "rival"}),
        ("/list", {"limit": 201}),
        ("/list", {"cursor": "é"}),
        ("/delete", {"file_id": ""}),
    ],
)
def test_what_does_not_fit_is_422(house, path, body):
    house.post(path, 422, **body)


def test_the_token_is_in_no_answer_but_the_first(house):
    made = house.made()
    token = made["put_url"].partition("token=")[2]
    told = [house.put(made["put_url"], b"hello").text, house.client.get(f"/files/{made['file_id']}").text]
    assert token not in json.dumps([*told, house.post("/list")])


def test_a_plain_put_over_asgi_works_without_a_host_of_ours_only_if_it_is_known(house):
    made = house.made()
    status, _, _ = call(house.app, "PUT", path_of(made["put_url"]), [("host", "evil.example")], b"hello")
    assert status == 421


class TestWhereUploadsGoPastUs:
    @pytest.fixture
    def house(self):
        house = House()
        house.uploads = FakeUploads(house.blobs, house.clock)
        house.files = replace(house.files, direct=house.uploads)
        house.serve(BOTH)
        return house

    def test_the_address_is_the_blob_stores_and_the_file_is_ready_when_looked_at(self, house):
        made = house.made(b"hello", "docs/a.txt")
        assert made["put_url"].startswith("https://blobs.test/")
        assert made["expires_at"] == "2026-11-20T13:00:00.000Z"
        assert house.client.get(f"/files/{made['file_id']}").json()["status"] == "announced"
        assert house.uploads.send(made["put_url"], b"hello") == 200
        told = house.client.get(f"/files/{made['file_id']}").json()
        assert (told["status"], told["bytes"]) == ("ready", 5)
        assert told["sha256"] == hashlib.sha256(b"hello").hexdigest()

    def test_a_list_shows_what_came_in_meanwhile(self, house):
        made = house.made(b"hello", "docs/a.txt")
        house.uploads.send(made["put_url"], b"hello")
        assert [file["file_id"] for file in house.post("/list")["files"]] == [made["file_id"]]

    def test_the_way_in_here_is_closed(self, house):
        made = house.made(b"hello")
        assert code_of(house.put(f"/files/{made['file_id']}/content?token=", b"hello")) == (404, "upload_not_found")
