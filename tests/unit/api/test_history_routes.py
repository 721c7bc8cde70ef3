import itertools

import pytest
from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from starlette.testclient import TestClient

from llmanager.api.errors import render
from llmanager.api.routes.history import history_routes
from llmanager.history.entities import MAX_CONTENT_BYTES, MAX_MESSAGES
from llmanager.kernel.errors import InvalidInput, LLManagerError, Unauthenticated
from llmanager.kernel.principal import Principal
from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable


class FakeKeyring:
    """A key is 'Bearer TENANT SCOPE…'."""

    async def principal(self, authorization: str | None) -> Principal:
        if authorization is None:
            raise Unauthenticated("Give a key.")
        tenant, *scopes = authorization.removeprefix("Bearer ").split()
        return Principal(tenant, "key-1", frozenset(scopes))


def rendered(_, error: LLManagerError) -> Response:
    told = render(error)
    return Response(told.body, told.status, {name.decode(): value.decode() for name, value in told.headers})


def misfit(_, error: RequestValidationError) -> Response:
    """Unlike FastAPI's own, says nothing of the input: it may be what no JSON can hold."""
    return rendered(_, InvalidInput(error.errors()[0]["msg"]))


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def client(clock):
    numbers = itertools.count()
    app = FastAPI()
    app.add_exception_handler(LLManagerError, rendered)
    app.add_exception_handler(RequestValidationError, misfit)
    app.include_router(
        history_routes(
            table=FakeTable(clock), keyring=FakeKeyring(), clock=clock, new_id=lambda: f"{next(numbers):016}"
        )
    )
    with TestClient(app, headers={"authorization": "Bearer acme history:read history:write"}) as client:
        yield client


def post(client, verb: str, **body):
    answer = client.post(f"/history/{verb}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def status(client, verb: str, **body) -> int:
    return client.post(f"/history/{verb}", json=body).status_code


@pytest.fixture
def chat(client) -> str:
    return post(client, "new", q="Hi?", a="Hello.")["chat_id"]


def test_a_chat_is_begun_continued_and_read_as_pairs(client, chat):
    post(client, "append", chat_id=chat, q="How?", a="So.")
    answer = client.post("/history/get", json={"chat_id": chat})
    assert answer.json() == [{"q": "Hi?", "a": "Hello."}, {"q": "How?", "a": "So."}]
    assert "x-next-cursor" not in answer.headers


def test_new_and_append_answer_both_names_of_the_id(client, chat):
    new = post(client, "new", q="a", a="b")
    assert set(new) == {"chat_id", "id"}
    assert new["chat_id"] == new["id"] != chat
    assert post(client, "append", id=chat, q="a", a="b") == {"chat_id": chat, "id": chat}


@pytest.mark.parametrize("name", ["chat_id", "id"])
def test_either_name_of_the_id_is_taken_everywhere(client, chat, name):
    post(client, "append", q="a", a="b", **{name: chat})
    assert len(post(client, "get", **{name: chat})) == 2
    assert post(client, "update", title="T", **{name: chat})["title"] == "T"
    assert post(client, "delete", **{name: chat})["status"] == "deleted"


def test_both_names_are_fine_if_they_agree(client, chat):
    assert len(post(client, "get", chat_id=chat, id=chat)) == 1
    assert status(client, "get", chat_id=chat, id="other") == 422
    assert status(client, "get") == 422


def test_messages_are_kept_as_they_are(client, clock):
    messages = [
        {"role": role, "content": f"{role} says 🦙\0"} for role in ("system", "developer", "user", "tool", "assistant")
    ]
    chat = post(client, "new", messages=messages[:2])["id"]
    clock.advance(60)
    post(client, "append", id=chat, messages=messages[2:])
    told = post(client, "get", id=chat, format="messages")
    assert [{"role": m["role"], "content": m["content"]} for m in told["messages"]] == messages
    assert [m["at"] for m in told["messages"]] == ["2026-11-20T12:00:00.000Z"] * 2 + ["2026-11-20T12:01:00.000Z"] * 3
    assert len({m["id"] for m in told["messages"]}) == 5
    assert told["cursor"] is None


def test_pairs_come_in_pages_with_the_cursor_in_a_header(client, chat):
    for n in range(4):
        post(client, "append", id=chat, q=f"q{n}", a=f"a{n}")
    first = client.post("/history/get", json={"id": chat, "limit": 3})
    rest = client.post("/history/get", json={"id": chat, "limit": 3, "cursor": first.headers["x-next-cursor"]})
    assert [pair["q"] for pair in first.json() + rest.json()] == ["Hi?", "q0", "q1", "q2", "q3"]
    assert "x-next-cursor" not in rest.headers


def test_messages_come_in_pages_with_the_cursor_in_the_body(client, chat):
    first = post(client, "get", id=chat, format="messages", limit=1)
    rest = post(client, "get", id=chat, format="messages", limit=1, cursor=first["cursor"])
    assert [m["content"] for m in first["messages"] + rest["messages"]] == ["Hi?", "Hello."]
    assert rest["cursor"] is None


def test_chats_are_listed_newest_first_in_pages(client, clock):
    for n in range(3):
        post(client, "new", messages=[], title=str(n), metadata={"n": n, "half": n + 0.5}, ttl_s=60 + n)
        clock.advance(1)
    first = post(client, "list", limit=2)
    rest = post(client, "list", limit=2, cursor=first["cursor"])
    assert [chat["title"] for chat in first["chats"] + rest["chats"]] == ["2", "1", "0"]
    assert rest["cursor"] is None
    oldest = rest["chats"][0]
    assert oldest == {
        "chat_id": oldest["id"],
        "id": oldest["id"],
        "title": "0",
        "metadata": {"n": 0, "half": 0.5},
        "created_at": "2026-11-20T12:00:00.000Z",
        "expires_at": "2026-11-20T12:01:00.000Z",
    }


def test_a_deleted_chat_is_not_found_as_one_that_never_was_or_is_anothers(client, chat):
    post(client, "delete", id=chat)
    theirs = client.post("/history/new", json={"q": "a", "a": "b"}, headers={"authorization": "Bearer b history:write"})
    asked = [chat, "never", theirs.json()["id"]]
    for verb, fields in [("get", {}), ("append", {"q": "a", "a": "b"}), ("update", {"title": "x"}), ("delete", {})]:
        answers = [client.post(f"/history/{verb}", json={"id": id_, **fields}) for id_ in asked]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("new", {}),
        ("new", {"q": "only a question"}),
        ("new", {"a": "only an answer"}),
        ("new", {"q": "a", "a": "b", "messages": []}),
        ("new", {"messages": [], "q": "a"}),
        ("new", {"messages": [{"role": "wizard", "content": "x"}]}),
        ("new", {"messages": [{"role": "user", "content": None}]}),
        ("new", {"messages": [{"role": "user", "content": "x", "name": "n"}]}),
        ("new", {"messages": [{"role": "user", "content": "x"}] * (MAX_MESSAGES + 1)}),
        ("new", {"messages": [], "ttl_s": 0}),
        ("new", {"messages": [], "ttl_s": 10**10}),
        ("new", {"messages": [], "ttl_s": "60"}),
        ("new", {"messages": [], "title": "x" * 201}),
        ("new", {"messages": [], "metadata": {"x": {}}}),
        ("new", {"messages": [], "unknown": 1}),
        ("append", {"id": "x", "messages": []}),
        ("append", {"id": "x"}),
        ("append", {"q": "a", "a": "b"}),
        ("append", {"id": "x" * 65, "q": "a", "a": "b"}),
        ("get", {"id": "x", "limit": 0}),
        ("get", {"id": "x", "limit": 201}),
        ("get", {"id": "x", "format": "xml"}),
        ("list", {"limit": 201}),
        ("list", {"cursor": "é"}),
        ("update", {"id": "x"}),
        ("delete", {"id": ""}),
    ],
)
def test_what_does_not_fit_is_422(client, verb, body):
    assert status(client, verb, **body) == 422


@pytest.mark.parametrize(
    "member",
    ['"q": "\\ud800", "a": ""', '"messages": [], "title": "\\ud800"', '"messages": [], "metadata": {"x": NaN}'],
)
def test_text_that_is_no_unicode_and_numbers_that_are_none_are_refused(client, member):
    content = "{" + member + "}"
    answer = client.post("/history/new", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "body", [{"q": "x" * MAX_CONTENT_BYTES, "a": ""}, {"messages": [], "metadata": {"x": "x" * 20_000}}]
)
def test_what_is_too_large_is_413_with_the_limit(client, body):
    answer = client.post("/history/new", json=body)
    assert answer.status_code == 413
    assert "at most" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("verb", "scope"),
    [
        ("new", "history:write"),
        ("append", "history:write"),
        ("update", "history:write"),
        ("delete", "history:write"),
        ("get", "history:read"),
        ("list", "history:read"),
    ],
)
def test_each_route_wants_its_scope(client, verb, scope):
    other = {"history:write": "history:read", "history:read": "history:write"}[scope]
    headers = {"authorization": f"Bearer acme {other}"}
    body = {"q": "a", "a": "b", "id": "x"} if verb == "append" else {"messages": []} if verb == "new" else {"id": "x"}
    body |= {"title": "x"} if verb == "update" else {}
    refused = client.post(f"/history/{verb}", json={} if verb == "list" else body, headers=headers)
    assert refused.status_code == 403
    assert scope in refused.json()["error"]["message"]


def test_a_caller_without_a_key_is_401(client):
    del client.headers["authorization"]
    assert status(client, "list") == 401


def said(count: int, characters: int = 1) -> list[dict[str, str]]:
    return [{"role": "user", "content": "x" * characters}] * count


@pytest.mark.parametrize(
    ("verb", "body", "code"),
    [
        ("get", {"chat_id": "absent"}, "chat_not_found"),
        ("new", {"messages": said(1, MAX_CONTENT_BYTES)}, "message_too_large"),
        ("new", {"messages": said(20, MAX_CONTENT_BYTES // 2 + 20_000)}, "messages_too_large"),
        ("new", {"messages": said(MAX_MESSAGES + 1)}, "too_many_messages"),
        ("new", {"messages": [], "metadata": {"x": "x" * 20_000}}, "metadata_too_large"),
    ],
)
def test_every_refusal_has_a_code_that_programs_can_tell_apart(client, verb, body, code):
    assert client.post(f"/history/{verb}", json=body).json()["error"]["code"] == code
