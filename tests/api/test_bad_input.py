"""Whatever is sent to whatever route: a clear error of the one shape, and nothing has changed."""

import json

import pytest

from tests.api.routes import GETS, NAME, OPEN, OPENAI, OWN
from tests.api.shape import assert_error

POSTS = (*OWN, *OPENAI)
every_post = pytest.mark.parametrize("route", POSTS, ids=str)
every_own = pytest.mark.parametrize("route", OWN, ids=str)
NAMED = tuple(route for route in OWN if "name" in route.body)
WITH_CHAT = tuple(route for route in OWN if "chat_id" in route.body)
TRICKS = (
    "../../etc/passwd",
    "..",
    ".",
    "",
    " ",
    "a/b",
    "a\\b",
    "a b",
    "-a",
    "a-",
    "a\x00b",
    "a\nb",
    "ä",
    "%2e%2e",
    "a" * 64,
    "'; drop table rows; --",
    "a#b",
    "💥",
)


@every_post
def test_a_field_of_another_type_is_refused(api, route):
    assert_error(api.post(route.path, {**route.body, **route.wrong}), 400, 422)


@every_own
def test_an_unknown_field_is_refused_and_named(api, route):
    error = assert_error(api.post(route.path, {**route.body, "wholly_unknown": 1}), 400, 422)
    assert "wholly_unknown" in f"{error['message']} {error['param']}"


@every_post
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"text"', b"3", b"\xff\xfe", b'{"name": "\xff"}', b'{"a": 1', b"a=1&b=2", b"{}{}"],
    ids=repr,
)
def test_a_body_that_is_no_json_object_is_refused(api, route, body):
    if body == b"" and route.path.endswith("/list"):
        return  # no body may mean: from the beginning
    # API Gateway hands on U+FFFD for what is no UTF-8: then it is a name, and nothing has it.
    absent = (404,) if api.platform == "aws" and b"\xff" in body else ()
    assert_error(api.post(route.path, body), 400, 415, 422, *absent)


@every_post
def test_a_body_of_another_content_type_never_reaches_a_use_case(api, route):
    answer = api.post(route.path, json.dumps(route.body).encode(), {"content-type": "text/html"})
    if answer.status >= 400:
        assert_error(answer, 400, 404, 415, 422)
    assert answer.status < 500


@every_post
@pytest.mark.parametrize("depth", [200, 100_000])
def test_a_body_nested_without_end_is_refused(api, route, depth):
    body = b'{"name": ' + b"[" * depth + b"]" * depth + b"}"
    assert_error(api.post(route.path, body), 400, 413, 422)


@every_post
@pytest.mark.parametrize("number", [b"1e999", b"NaN", b"-Infinity", b"9" * 5000], ids=lambda n: n[:9].decode())
def test_a_number_that_is_none_is_refused(api, route, number):
    body = json.dumps(route.body).encode()[:-1] + (b", " if route.body else b"") + b'"limit": ' + number + b"}"
    answer = api.post(route.path, body)
    assert_error(answer, 400, 404, 422)


@every_post
def test_a_body_over_the_limit_is_refused_before_it_is_sent(api, route):
    assert_error(api.announce(route.path, 11 << 20), 413)


@pytest.mark.parametrize("path", ["/history/new", "/v1/chat/completions"])
def test_a_body_of_unannounced_length_is_refused_once_it_is_over_the_limit(api, path):
    answer = api.pour(path, b" " * 65_536, 11 << 4)
    if answer is not None:
        assert_error(answer, 413)
    assert api.get("/health").status == 200


@every_post
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_refused(api, route, method):
    is_as_a_file = method == "GET" and route.path.startswith("/files/")  # of GET /files/ID, which is none
    assert_error(api.send(method, route.path, None), 404 if is_as_a_file else 405)


@pytest.mark.parametrize("path", [*GETS, *OPEN])
def test_what_is_got_is_not_posted_to(api, path):
    assert_error(api.post(path, {}), 404, 405)


@pytest.mark.parametrize("route", NAMED, ids=str)
@pytest.mark.parametrize("name", TRICKS, ids=repr)
def test_a_name_outside_the_pattern_is_refused(api, route, name):
    answer = api.post(route.path, {**route.body, "name": name})
    absent_is_fine = () if route.path in ("/model/create", "/model/plan", "/vdb/create") else (404,)
    assert_error(answer, 400, 422, *absent_is_fine)


@pytest.mark.parametrize("route", WITH_CHAT, ids=str)
@pytest.mark.parametrize("chat", TRICKS, ids=repr)
def test_a_chat_id_that_none_has_is_refused(api, route, chat):
    assert_error(api.post(route.path, {**route.body, "chat_id": chat}), 400, 404, 422)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nowhere",
        "/model",
        "/model/",
        "/model/nothing",
        "/v1",
        "/v1/nothing",
        "/v1/models/..%2f..%2fetc%2fpasswd",
        "/v1/models/%00",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/model/../../etc/passwd",
        "//model/catalog",
        "/dev/dev/health",
        "/static/../../etc/passwd",
        "/" + "a" * 9000,
    ],
    ids=lambda path: path[:40],
)
def test_a_path_that_is_no_route_is_refused(api, path):
    assert_error(api.get(path), 400, 404, 405, 414, 431)


@pytest.mark.parametrize(
    "route", ["/model/list", "/history/list", "/auth/keys/list", "/vdb/list", "/files/list", "/jobs/list"]
)
@pytest.mark.parametrize(
    "page", [{"limit": 0}, {"limit": -1}, {"limit": 201}, {"limit": True}, {"cursor": "!"}, {"cursor": "a" * 5000}]
)
def test_a_page_that_cannot_be_is_refused(api, route, page):
    assert_error(api.post(route, page), 400, 422)


def test_headers_without_end_are_refused(api):
    assert_error(api.get("/v1/models", {"x-padding": "x" * 20_000}), 400, 431)


@pytest.mark.parametrize("key", ["", " ", "a\tb", "k" * 1000])
def test_an_idempotency_key_that_is_none_is_refused_or_ignored(api, key):
    answer = api.post("/history/new", {"q": "Who?", "a": "You."}, {"idempotency-key": key})
    if answer.status != 200:
        assert_error(answer, 400, 422)


def test_after_all_that_nothing_of_it_exists(api):
    assert_error(api.post("/model/status", {"name": NAME}), 404)
    assert_error(api.post("/vdb/status", {"name": NAME}), 404)
    assert NAME not in {model["name"] for model in api.post("/model/list", {"limit": 200}).json["models"]}
    assert api.get("/health").status == 200
