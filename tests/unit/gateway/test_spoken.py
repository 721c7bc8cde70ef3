"""What a model may fill in that is held to quoting: pieces of what the user said last, and nothing else."""

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from llmanager.gateway import spoken
from llmanager.gateway.answers import generated
from llmanager.gateway.ask import ask
from llmanager.gateway.head import Chat, chat
from llmanager.gateway.ports import Reading, Route


def asked(said: Any, properties: dict[str, Any], **more: Any) -> Chat:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    tool = {"type": "function", "function": {"name": "do", "description": "Do it.", "parameters": parameters}}
    body = {"messages": [{"role": "user", "content": said}], "tools": [tool], **more}
    return chat(msgspec.json.encode(body))


def held(head: Chat) -> dict[str, Any]:
    spoken.hold(head)
    assert head.tools is not None
    properties: dict[str, Any] = msgspec.json.decode(head.tools[0]["function"])["parameters"]["properties"]
    return properties


def test_a_text_is_a_row_of_words_without_the_signs_around_it():
    pieces = held(asked('Write "see you, Ann" to Mr. Ito!', {"text": {"type": "string"}}))["text"]["enum"]
    assert {"see you, Ann", "see you", "Ann", "Mr. Ito", "Ito", "Mr.", "Mr", 'Write "see you, Ann" to Mr. Ito'} <= {
        *pieces
    }
    assert "" not in pieces
    assert len(pieces) == len(set(pieces))


def test_a_number_is_one_that_was_said():
    properties = {"n": {"type": "integer"}, "x": {"type": "number"}}
    found = held(asked("Move 1,200 boxes by 2.5 m at -3 C, port 8080.", properties))
    assert found["n"]["enum"] == [1200, -3, 8080]
    assert found["x"]["enum"] == [1200, 2.5, -3, 8080]


def test_where_no_number_was_said_any_may_come():
    assert "enum" not in held(asked("Some boxes.", {"n": {"type": "integer"}}))["n"]


def test_what_the_caller_has_bounded_stays():
    bounded = {
        "unit": {"type": "string", "enum": ["C", "F"]}, "day": {"type": "string", "format": "date"},
        "code": {"type": "string", "pattern": "^[A-Z]+$"}, "is_on": {"type": "boolean"}, "any": {},
    }  # fmt: skip
    assert held(asked("Now in F", bounded)) == bounded


def test_lists_and_objects_are_held_inside():
    properties = {
        "names": {"type": "array", "items": {"type": "string"}},
        "who": {"type": "object", "properties": {"age": {"type": "integer"}}},
    }
    found = held(asked("Ann is 7", properties))
    assert "Ann" in found["names"]["items"]["enum"]
    assert found["who"]["properties"]["age"]["enum"] == [7]


def test_json_by_a_schema_is_held_too():
    schema = {"name": "r", "schema": {"type": "object", "properties": {"name": {"type": "string"}}}}
    format_ = {"type": "json_schema", "json_schema": schema}
    messages = [{"role": "user", "content": "Ann\nGive name as JSON."}]
    head = chat(msgspec.json.encode({"messages": messages, "response_format": format_}))
    spoken.hold(head)
    assert head.response_format is not None
    found = msgspec.json.decode(head.response_format["json_schema"])["schema"]["properties"]["name"]["enum"]
    assert "Ann" in found
    assert head.response_format["type"] == Raw(b'"json_schema"')


@pytest.mark.parametrize(("given", "sent"), [({}, 0), ({"temperature": 0.7}, 0.7)])
def test_which_words_are_meant_is_no_matter_of_chance(given: dict[str, float], sent: float):
    head = asked("Ann", {"name": {"type": "string"}}, **given)
    spoken.hold(head)
    assert head.temperature == sent


def test_the_last_words_of_the_user_count():
    head = asked("Ann", {"name": {"type": "string"}})
    head.messages = [
        Raw(msgspec.json.encode({"role": role, "content": text}))
        for role, text in (("user", "Ann"), ("assistant", "Bob?"), ("user", "Cid"), ("tool", "Dan"))
    ]
    assert held(head)["name"]["enum"] == ["Cid"]


@pytest.mark.parametrize("said", ["", " \n", None, [{"type": "text", "text": "Ann"}], "word " * 3000])
def test_where_nothing_or_too_much_was_said_all_stays_as_it_came(said: Any):
    head = asked(said, {"name": {"type": "string"}})
    before = msgspec.json.encode(head)
    spoken.hold(head)
    assert msgspec.json.encode(head) == before


def test_pieces_get_shorter_where_schemas_are_many():
    few = held(asked("a b c d e f g h", {"p": {"type": "string"}}))["p"]["enum"]
    many = held(asked("a b c d e f g h", {f"p{n}": {"type": "string"} for n in range(150)}))["p0"]["enum"]
    assert max(len(piece.split()) for piece in few) == 8
    assert max(len(piece.split()) for piece in many) == 5


@pytest.mark.parametrize(
    "tool",
    [{}, {"type": "function"}, {"function": 5}, {"function": {"parameters": []}}, {"function": {"parameters": {}}}],
)
def test_tools_of_another_shape_are_left_to_the_engine(tool: dict[str, Any]):
    head = chat(msgspec.json.encode({"messages": [{"role": "user", "content": "Ann"}], "tools": [tool]}))
    before = msgspec.json.encode(head)
    spoken.hold(head)
    assert msgspec.json.encode(head) == before


@pytest.mark.parametrize("quotes_only", [True, False])
def test_only_a_model_that_quotes_is_held(quotes_only: bool):
    head = asked("Ann", {"name": {"type": "string"}})
    route = Route("k", "t", "m", "chat", "ready", reading=Reading(quotes_only=quotes_only))
    ask("/v1/chat/completions", head, generated).fit(route)
    assert head.tools is not None
    assert (b'"enum":["Ann"]' in bytes(head.tools[0]["function"])) is quotes_only
