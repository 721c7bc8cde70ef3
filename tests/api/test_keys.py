"""With LLMANAGER_AUTH=keys: no key, no answer; another tenant's key, no sign that a thing exists."""

import pytest

from tests.api.client import Api
from tests.api.conftest import create_ready, delete_all_trace
from tests.api.routes import GETS, MESSAGES, OPEN, OPENAI, OWN
from tests.api.shape import assert_error


@pytest.mark.parametrize("path", OPEN)
def test_health_needs_no_key(keyed, path):
    assert keyed.stranger.get(path).status == 200


@pytest.mark.parametrize("route", [*OWN, *OPENAI], ids=str)
def test_every_other_route_does(keyed, route):
    answer = keyed.stranger.post(route.path, route.body)
    assert_error(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", GETS)
def test_also_those_that_are_got(keyed, path):
    assert_error(keyed.stranger.get(path), 401)


@pytest.mark.parametrize("path", ["/models/list", "/dev/model/list", "/dev/models/list", "/model/list/"])
def test_no_other_way_to_write_a_path_is_open(keyed, path):
    assert_error(keyed.stranger.post(path, {}), 401, 404, 405)


@pytest.mark.parametrize(
    "authorization",
    ["Bearer", "Bearer ", "Bearer wrong", "Basic dTpw", "wrong", f"Bearer {'x' * 5000}", "Bearer a b", "bearer\t"],
)
@pytest.mark.parametrize("path", ["/model/list", "/v1/chat/completions"])
def test_a_wrong_key_is_as_good_as_none_and_is_not_repeated(keyed, path, authorization):
    answer = keyed.stranger.post(path, {}, {"authorization": authorization})
    assert_error(answer, 401)
    assert b"wrong" not in answer.body


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_good_key_opens(keyed, scheme):
    header = {"authorization": f"{scheme} {keyed.owner.key}"}
    assert keyed.stranger.get("/v1/models", header).status == 200
    assert keyed.stranger.post("/model/list", {}, header).status == 200


def test_a_key_opens_what_its_scopes_name(keyed):
    assert keyed.reader.post("/history/list", {}).status == 200


@pytest.mark.parametrize(
    "route", [r for r in (*OWN, *OPENAI) if r.path not in ("/history/list", "/history/get")], ids=str
)
def test_and_nothing_else(keyed, route):
    error = assert_error(keyed.reader.post(route.path, route.body), 403)
    assert "scope" in str(error["message"])


def test_a_key_made_over_http_is_shown_once_and_works_at_once(keyed, name):
    made = keyed.admin.post("/auth/keys/create", {"name": name, "scopes": ["history:read"]})
    assert made.status in (200, 201)
    assert Api(keyed.admin.base_url, made.json["key"]).post("/history/list", {}).status == 200
    listed = keyed.admin.post("/auth/keys/list", {"limit": 200})
    assert made.json["id"] in {key["id"] for key in listed.json["keys"]}
    assert made.json["key"].encode() not in listed.body


def test_a_key_is_made_anew_each_time_and_never_replayed(keyed, name):
    body, headers = {"name": name, "scopes": ["history:read"]}, {"idempotency-key": name}
    first = keyed.admin.post("/auth/keys/create", body, headers)
    assert first.json["key"].encode() not in keyed.admin.post("/auth/keys/create", body, headers).body


def test_a_rotated_key_has_another_secret(keyed, name):
    made = keyed.admin.post("/auth/keys/create", {"name": name, "scopes": ["history:read"]}).json
    rotated = keyed.admin.post("/auth/keys/rotate", {"id": made["id"]}).json
    assert rotated["key"] != made["key"]
    assert Api(keyed.admin.base_url, rotated["key"]).post("/history/list", {}).status == 200
    assert_error(Api(keyed.admin.base_url, made["key"]).post("/history/list", {}), 401)


def test_a_revoked_key_that_was_not_yet_used_opens_nothing(keyed, name):
    made = keyed.admin.post("/auth/keys/create", {"name": name, "scopes": ["history:read"]}).json
    assert keyed.admin.post("/auth/keys/revoke", {"id": made["id"]}).status in (200, 202)
    assert_error(Api(keyed.admin.base_url, made["key"]).post("/history/list", {}), 401)


def test_nobody_gives_a_scope_that_they_do_not_hold(keyed, name):
    assert_error(keyed.admin.post("/auth/keys/create", {"name": name, "scopes": ["model:write"]}), 403)


def test_another_tenants_key_reads_as_absent(keyed, name):
    keys = keyed.admin.post("/auth/keys/list", {"limit": 200}).json["keys"]
    assert_error(keyed.rival.post("/auth/keys/revoke", {"id": keys[0]["id"]}), 403, 404)


def test_another_tenants_chat_reads_as_absent_to_the_byte(keyed):
    chat = keyed.owner.post("/history/new", {"q": "secret", "a": "answer"}).json["chat_id"]
    calls = [
        ("/history/get", {"chat_id": chat}),
        ("/history/append", {"chat_id": chat, "q": "q", "a": "a"}),
        ("/history/update", {"chat_id": chat, "title": "mine"}),
        ("/history/delete", {"chat_id": chat}),
    ]
    there = [keyed.rival.post(path, body) for path, body in calls]
    assert keyed.owner.post("/history/get", {"chat_id": chat}).json == [{"q": "secret", "a": "answer"}]
    assert keyed.owner.post("/history/delete", {"chat_id": chat}).status in (200, 202)
    gone = [keyed.rival.post(path, body) for path, body in calls]

    assert [answer.status for answer in there] == [404] * 4
    assert [answer.body for answer in there] == [answer.body for answer in gone]


def test_another_tenants_model_reads_as_absent_to_the_byte(keyed, name):
    create_ready(keyed.owner, name, "demo-tiny")
    calls = [
        ("/model/status", {"name": name}),
        ("/model/query", {"name": name, "query": "Hello"}),
        ("/model/update", {"name": name, "sleep_after_s": 60}),
        ("/model/sleep", {"name": name}),
        ("/model/wake", {"name": name}),
        ("/model/delete", {"name": name}),
        ("/v1/chat/completions", {"model": name, "messages": MESSAGES}),
    ]
    there = [keyed.rival.post(path, body) for path, body in calls] + [keyed.rival.get(f"/v1/models/{name}")]
    assert keyed.owner.post("/model/status", {"name": name}).json["status"] == "ready"
    delete_all_trace(keyed.owner, name)
    gone = [keyed.rival.post(path, body) for path, body in calls] + [keyed.rival.get(f"/v1/models/{name}")]

    assert [answer.status for answer in there] == [404] * 8
    assert [answer.body for answer in there] == [answer.body for answer in gone]


def test_a_name_is_free_for_each_tenant_and_lists_do_not_mix(keyed, name):
    for caller in (keyed.owner, keyed.rival):
        create_ready(caller, name, "demo-tiny")
    chat = keyed.owner.post("/history/new", {"q": "q", "a": "a"}).json["chat_id"]
    assert chat not in {c["chat_id"] for c in keyed.rival.post("/history/list", {"limit": 200}).json["chats"]}
    delete_all_trace(keyed.rival, name)
    assert keyed.owner.post("/model/status", {"name": name}).json["status"] == "ready"
    delete_all_trace(keyed.owner, name)


def test_an_idempotency_key_belongs_to_its_tenant(keyed, name):
    body, headers = {"q": "q", "a": "a"}, {"idempotency-key": name}
    mine = keyed.owner.post("/history/new", body, headers).json
    assert keyed.rival.post("/history/new", body, headers).json != mine
