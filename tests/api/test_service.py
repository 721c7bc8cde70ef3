"""What every route shares: health, addresses, request ids, the Host header, repeated requests."""

import pytest

from tests.api.shape import assert_error


def test_health_says_so_in_the_words_that_load_balancers_know(api):
    answer = api.get("/health")
    assert (answer.status, answer.json) == (200, {"status": "Healthy"})


def test_a_server_that_answers_is_ready(api):
    assert api.get("/ready").status == 200


def test_metrics_are_in_the_format_of_prometheus(api):
    answer = api.get("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert b"# TYPE llmanager_" in answer.body


def test_the_published_schema_tells_every_route_of_the_control_plane(api):
    paths = api.get("/openapi.json").json["paths"]
    assert {"/model/create", "/model/status", "/history/new", "/history/append"} <= set(paths)


def test_the_published_schema_tells_the_one_shape_of_refusals(api):
    schema = api.get("/openapi.json").json
    shape = {"$ref": "#/components/schemas/ErrorAnswer"}
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            assert operation["responses"]["default"]["content"]["application/json"]["schema"] == shape, path
            assert "422" not in operation["responses"]
    assert set(schema["components"]["schemas"]["Error"]["properties"]) == {"message", "type", "code", "param"}


@pytest.mark.parametrize("path", ["/model/list", "/models/list", "/dev/model/list", "/dev/models/list"])
def test_a_route_is_reached_by_its_alias_and_below_the_stage(api, path):
    answer = api.post(path, {})
    assert answer.status == 200
    assert "models" in answer.json


@pytest.mark.parametrize("path", ["/dev/health", "/dev/v1/models", "/models/catalog", "/dev/models/catalog"])
def test_so_are_those_that_are_got(api, path):
    assert api.get(path).status == 200


def test_every_answer_has_a_request_id_of_its_own(api):
    ids = {api.get(path).headers["x-request-id"] for path in ("/health", "/v1/models", "/nowhere", "/model/catalog")}
    assert len(ids) == 4


def test_a_page_of_another_origin_is_refused(api, name):
    body = {"name": name, "model": "demo-tiny"}
    assert_error(api.post("/model/create", body, {"origin": "https://attacker.example"}), 403)
    assert api.post("/model/status", {"name": name}).status == 404


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/model/catalog"])
@pytest.mark.parametrize("host", ["attacker.example", "attacker.example:8080", "127.0.0.1.attacker.example", ""])
def test_a_foreign_host_header_is_refused(api, path, host):
    assert_error(api.get(path, {"host": host}), 400, 403, 421)


def test_a_foreign_host_header_is_refused_where_something_would_change(api, name):
    body = {"name": name, "model": "demo-tiny"}
    assert_error(api.post("/model/create", body, {"host": "attacker.example"}), 400, 403, 421)
    assert api.post("/model/status", {"name": name}).status == 404


def test_a_repeated_request_with_an_idempotency_key_gets_the_stored_answer(api, name):
    body, headers = {"q": "Who?", "a": "You."}, {"idempotency-key": name}
    first = api.post("/history/new", body, headers)
    again = api.post("/history/new", body, headers)
    assert first.status == again.status == 200
    assert again.body == first.body
    assert api.post("/history/new", body, {"idempotency-key": f"{name}-2"}).json != first.json


def test_an_idempotency_key_with_another_body_is_refused(api, name):
    headers = {"idempotency-key": name}
    assert api.post("/history/new", {"q": "one", "a": "1"}, headers).status == 200
    assert_error(api.post("/history/new", {"q": "two", "a": "2"}, headers), 422)
