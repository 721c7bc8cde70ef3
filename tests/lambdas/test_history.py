"""/history/* over API Gateway's events."""

import base64
import json

from llmanager.kernel.errors import Unavailable
from tests.lambdas.events import HOST, request
from tests.lambdas.stack import answered, called

SAID = {"messages": [{"role": "user", "content": "Hello, wörld."}]}


def test_a_chat_is_kept_and_found_again(stack):
    handler = stack.function("history")
    chat = answered(handler, request("POST", "/history/new", SAID, key=stack.key))
    found = answered(
        handler, request("POST", "/history/get", {"chat_id": chat["chat_id"], "format": "messages"}, key=stack.key)
    )
    assert found["messages"][0]["content"] == "Hello, wörld."


def test_the_next_container_finds_what_this_one_wrote(stack):
    made = answered(stack.function("history"), request("POST", "/history/new", SAID, key=stack.key))
    listed = answered(stack.function("history"), request("POST", "/history/list", {}, key=stack.key))
    assert [chat["chat_id"] for chat in listed["chats"]] == [made["chat_id"]]


def test_each_request_shows_its_key_again_whatever_the_authorizer_said(stack):
    handler = stack.function("history")
    event = request("POST", "/history/list", {})
    event["requestContext"]["authorizer"] = {"tenant": "acme", "key_id": "k", "principalId": "k"}
    assert answered(handler, event, 401)["error"]["code"] == "unauthenticated"


def test_a_key_may_do_only_what_its_scopes_say(stack):
    key = stack.make_key({"history:read"})
    handler = stack.function("history")
    answered(handler, request("POST", "/history/list", {}, key=key))
    assert answered(handler, request("POST", "/history/new", SAID, key=key), 403)["error"]["code"] == "forbidden"


def test_the_stage_may_stand_before_the_path_and_any_domain_may_lead_here(stack):
    handler = stack.function("history")
    answered(handler, request("POST", "/test/history/list", {}, key=stack.key))
    answered(handler, request("POST", "/history/list", {}, key=stack.key, host="llm.example.com"))
    assert HOST != "llm.example.com"


def test_a_repeat_with_an_idempotency_key_in_another_container_gets_the_first_answer(stack):
    event = request("POST", "/history/new", SAID, key=stack.key, headers={"Idempotency-Key": "once"})
    first, second = (called(stack.function("history"), event) for _ in range(2))
    assert first["body"] == second["body"]
    assert "idempotent-replayed" in second["headers"]
    assert len(answered(stack.function("history"), request("POST", "/history/list", {}, key=stack.key))["chats"]) == 1


def test_every_answer_carries_a_request_id(stack):
    handler = stack.function("history")
    event = request("POST", "/history/list", {}, key=stack.key, headers={"X-Request-Id": "my-request-1"})
    assert called(handler, event)["headers"]["x-request-id"] == "my-request-1"


def test_a_body_in_base64_is_read(stack):
    event = request("POST", "/history/new", SAID, key=stack.key)
    event["body"] = base64.b64encode(json.dumps(SAID).encode()).decode()
    event["isBase64Encoded"] = True
    answered(stack.function("history"), event)


def test_without_a_table_the_function_says_so_when_it_starts(stack, monkeypatch):
    stack.function("history")
    stack.dynamodb.delete_table(TableName="lm-test-history")
    event = request("POST", "/history/list", {}, key=stack.key)
    answer = answered(stack.function("history"), event, 503)
    assert answer["error"]["code"] == Unavailable.code
