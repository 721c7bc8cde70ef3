import asyncio
import json
from typing import Annotated, Any, Literal

import pytest
from fastapi import FastAPI, Query
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, field_validator

from llmanager.api.validation import check_json, describe, install_error_handlers
from llmanager.gateway.depth import MAX_DEPTH
from llmanager.kernel.errors import Conflict, InvalidInput, NoRoom
from llmanager.wire.base import Request
from tests.fakes.asgi import call

JSON = (("host", "localhost"), ("content-type", "application/json"))


class Size(Request):
    min: int = Field(0, ge=0, le=10)


class Cat(Request):
    type: Literal["cat"]


class Dog(Request):
    type: Literal["dog"]


class Thing(Request):
    name: str
    kind: Literal["chat", "embedding"] = "chat"
    size: Size = Size()
    tags: list[str] = Field(default_factory=list)
    pet: Annotated[Cat | Dog, Field(discriminator="type")] | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)

    @field_validator("name")
    @classmethod
    def short(cls, name: str) -> str:
        if len(name) > 20:
            raise ValueError(f"{name} is too long.")
        return name


@pytest.fixture(scope="module")
def app():
    app = FastAPI()
    install_error_handlers(app)

    @app.post("/thing")
    def thing(ask: Thing) -> str:
        if ask.name == "taken":
            raise Conflict("Thing 'taken' exists already.")
        if ask.name == "big":
            raise NoRoom("No memory.", retry_after_s=3)
        return ask.name

    @app.get("/things")
    def things(limit: Annotated[int, Query(le=200)] = 10) -> int:
        return limit

    return app


def post(app, body, headers=JSON):
    status, _, answer = call(
        app, "POST", "/thing", headers, body if isinstance(body, bytes) else json.dumps(body).encode()
    )
    return status, json.loads(answer)


def refused(app, body, headers=JSON):
    status, answer = post(app, body, headers)
    assert status == 422
    assert set(answer) == {"error"}
    assert set(answer["error"]) == {"message", "type", "code", "param"}
    return answer["error"]


def test_a_good_body_passes(app):
    assert post(app, {"name": "a", "metadata": {"deep": [1.5, None, "\U0001f600"]}}) == (200, "a")


@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        ({}, "name", "missing"),
        ({"name": 5}, "name", "string"),
        ({"name": None}, "name", "string"),
        ({"name": "a", "size": {"min": 11}}, "size.min", "less than or equal to 10"),
        ({"name": "a", "size": {"min": True}}, "size.min", "integer"),
        ({"name": "a", "size": {"min": 2**63}}, "size.min", "less than or equal to 10"),
        ({"name": "a", "size": {"min": 1.5}}, "size.min", "integer"),
        ({"name": "a", "kind": "magic"}, "kind", "'chat' or 'embedding'"),
        ({"name": "a", "tags": ["ok", 7]}, "tags.1", "string"),
        ({"name": "a", "role": "admin"}, "role", "no such field"),
        ({"name": "a", "pet": {"type": "canary-1234"}}, "pet", "not allowed"),
        ({"name": "canary-1234-canary-1234"}, "name", "not allowed"),
    ],
)
def test_a_wrong_field_is_named_and_its_value_is_not_repeated(app, body, param, said):
    error = refused(app, body)
    assert error["param"] == param
    assert error["message"].startswith(f"'{param}' is wrong: ")
    assert said in error["message"]
    assert "canary" not in error["message"]


def test_of_many_wrong_fields_the_first_is_told_and_the_rest_counted(app):
    assert refused(app, {"name": 1, "tags": 2, "role": 3})["message"].endswith("(Wrong fields in all: 3.)")


def test_an_unknown_field_with_a_huge_name_makes_a_short_answer(app):
    error = refused(app, {"name": "a", "x" * 50_000: 1})
    assert len(error["param"]) == 100
    assert len(error["message"]) < 300


def test_a_query_parameter_is_named_likewise(app):
    status, _, body = call(app, "GET", "/things?limit=201")
    assert (status, json.loads(body)["error"]["param"]) == (422, "limit")


NO_JSON = [
    *[b"{", b"nope", b"{'a': 1}", b'{"name": "a"} x', b"9" * 5_000, b"\xef\xbb\xbf{}", "{}".encode("utf-16")],
    *[b'{"name": NaN}', b'{"name": Infinity}', b'{"name": -Infinity}', b'{"metadata": {"a": 1e999}}'],
    *[b'{"name": "\\ud800"}', b'{"name": "\xff"}'],
]


@pytest.mark.parametrize("body", NO_JSON, ids=range(len(NO_JSON)))
def test_what_is_no_json_is_refused(app, body):
    error = refused(app, body)
    assert "not valid JSON" in error["message"]
    assert error["param"] is None


@pytest.mark.parametrize("body", [b"[]", b"1", b'"text"', b"null", b"true", b'[{"name": "a"}]'])
def test_a_body_that_is_no_object_is_refused(app, body):
    assert "must be a JSON object" in refused(app, body)["message"]


@pytest.mark.parametrize(
    "headers",
    [(("host", "localhost"),), (("host", "localhost"), ("content-type", "application/x-www-form-urlencoded"))],
)
def test_json_under_another_name_is_told_what_to_send(app, headers):
    assert "content-type: application/json" in refused(app, {"name": "a"}, headers)["message"]


def test_no_body_at_all_is_told_likewise(app):
    assert "JSON object" in refused(app, b"")["message"]


def nested(depth):
    """`depth` levels, counting the body's own object."""
    return b'{"name": "a", "metadata": {"a": ' + b"[" * (depth - 2) + b"]" * (depth - 2) + b"}}"


def test_nesting_has_a_limit_that_is_named(app):
    assert post(app, nested(MAX_DEPTH)) == (200, "a")
    for depth in (MAX_DEPTH + 1, 900, 100_000):
        assert f"deeper than {MAX_DEPTH} levels" in refused(app, nested(depth))["message"]


@given(st.binary())
def test_bytes_are_an_object_or_invalid_input_and_never_a_crash(body):
    try:
        check_json(body)
    except InvalidInput:
        return
    assert not body or isinstance(json.loads(body), dict)


LEAF = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
JSON_VALUE = st.recursive(LEAF, lambda v: st.lists(v) | st.dictionaries(st.text(max_size=5), v), max_leaves=10)


@given(st.dictionaries(st.text(max_size=5), JSON_VALUE, max_size=5))
def test_every_sane_object_passes(value):
    check_json(json.dumps(value).encode())


def test_a_short_value_that_is_in_the_words_by_chance_does_not_hide_them():
    error = describe([{"type": "ge", "loc": ("body", "a"), "msg": "Input should be at least 10", "input": 1}])
    assert str(error) == "'a' is wrong: input should be at least 10."


def test_a_number_or_name_quoted_in_pydantics_words_is_not_passed_on():
    error = describe([{"type": "custom", "loc": ("body", "a"), "msg": "Value error, 4711 is odd", "input": 4711}])
    assert str(error) == "'a' is wrong: it has a value that is not allowed there."


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nowhere", 404, "not_found"), ("GET", "/thing", 405, "method_not_allowed")],
)
def test_fastapis_own_refusals_come_in_our_shape(app, method, path, status, code):
    met, headers, body = call(app, method, path)
    assert (met, json.loads(body)["error"]["code"]) == (status, code)
    if status == 405:
        assert headers[b"allow"] == b"POST"


def test_an_error_from_a_use_case_is_rendered_by_the_one_table(app):
    status, answer = post(app, {"name": "taken"})
    assert (status, answer["error"]["code"]) == (409, "conflict")
    status, headers, _ = call(app, "POST", "/thing", JSON, b'{"name": "big"}')
    assert (status, headers[b"retry-after"]) == (503, b"3")


def test_a_client_that_goes_away_in_its_body_reaches_no_route(app):
    met = []

    async def gone():
        return {"type": "http.disconnect"}

    async def send(message):
        met.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/thing", "headers": headers, "query_string": b""}
    asyncio.run(app(scope, gone, send))
    assert met == []
