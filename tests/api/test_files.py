"""Files over HTTP: announced, sent, found, deleted."""

import pytest

from tests.api.shape import assert_error


def announced(api, filename, size_bytes):
    answer = api.post("/files", {"filename": filename, "bytes": size_bytes})
    assert answer.status == 200, answer
    return answer.json


def sent(api, announced, content):
    return api.send("PUT", announced["put_url"].removeprefix(api.base_url), content)


def test_what_is_sent_to_the_address_is_a_file(api, name):
    file = announced(api, f"{name}/a.txt", 5)
    assert api.get(f"/files/{file['file_id']}").json["status"] == "announced"
    assert sent(api, file, b"12345").status == 200
    listed = api.post("/files/list", {"prefix": f"{name}/"}).json["files"]
    assert [(one["filename"], one["bytes"], one["status"]) for one in listed] == [(f"{name}/a.txt", 5, "ready")]


def test_an_address_takes_one_whole_file_once(api, name):
    file = announced(api, name, 5)
    assert_error(sent(api, file, b"123"), 400)
    assert_error(sent(api, file, b"1234567"), 413)
    assert sent(api, file, b"12345").status == 200
    assert_error(sent(api, file, b"54321"), 409)


def test_an_address_opens_with_its_own_token_alone(api, name):
    mine, other = announced(api, name, 1), announced(api, f"{name}-2", 1)
    swapped = {"put_url": mine["put_url"].replace(mine["file_id"], other["file_id"])}
    for wrong in (swapped, {"put_url": mine["put_url"].partition("?")[0]}, {"put_url": mine["put_url"] + "x"}):
        assert_error(sent(api, wrong, b"1"), 404)


def test_a_file_of_the_same_name_takes_the_place_of_the_other(api, name):
    for content in (b"one", b"three"):
        assert sent(api, announced(api, name, len(content)), content).status == 200
    assert [one["bytes"] for one in api.post("/files/list", {"prefix": name}).json["files"]] == [5]


def test_a_deleted_file_is_gone(api, name):
    file = announced(api, name, 1)
    assert sent(api, file, b"1").status == 200
    assert api.post("/files/delete", {"file_id": file["file_id"]}).json["status"] == "deleted"
    assert_error(api.post("/files/delete", {"file_id": file["file_id"]}), 404)
    assert_error(api.get(f"/files/{file['file_id']}"), 404)


@pytest.mark.parametrize(
    "filename", ["../a", "a/../b", "/a", "a//b", ".", "a\\b", "a\x00b", "a/", "", "a" * 513], ids=lambda n: repr(n[:9])
)
def test_a_name_that_leads_elsewhere_is_refused(api, filename):
    assert assert_error(api.post("/files", {"filename": filename, "bytes": 1}), 422)["param"] == "filename"


def test_a_file_over_the_limit_is_refused_before_it_is_sent(api, name):
    assert_error(api.post("/files", {"filename": name, "bytes": 10**15}), 413)


def test_a_file_of_another_tenant_reads_as_absent(keyed, name):
    file = announced(keyed.owner, name, 1)
    assert sent(keyed.stranger, file, b"1").status == 200, "the address is the key"
    assert_error(keyed.rival.get(f"/files/{file['file_id']}"), 404)
    assert_error(keyed.rival.post("/files/delete", {"file_id": file["file_id"]}), 404)
    assert keyed.rival.post("/files/list", {"prefix": name}).json["files"] == []
