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


def test_a_text_that_may_be_null_is_said_or_null():
    name = {"type": ["string", "null"], "description": "Whose", "maxLength": 3}
    assert held(asked("Ann left", {"name": name}))["name"] == {
        "description": "Whose",
        "maxLength": 3,
        "anyOf": [{"type": "string", "maxLength": 3, "enum": ["Ann"]}, {"type": "null"}],
    }


def test_of_several_types_each_has_its_own_pieces():
    found = held(asked("Room 7", {"room": {"type": ["string", "integer", "string"]}}))["room"]
    assert found == {"anyOf": [{"type": "string", "enum": ["Room", "Room 7", "7"]}, {"type": "integer", "enum": [7]}]}


@pytest.mark.parametrize("types", [["boolean", "null"], ["string", "object"], ["string", 5], [], ["integer", "null"]])
def test_types_that_nothing_said_fits_or_that_have_something_inside_stay(types: list[Any]):
    assert held(asked("Ann", {"x": {"type": types}, "y": {"type": "string"}}))["x"] == {"type": types}


@pytest.mark.parametrize("member", ["anyOf", "oneOf"])
def test_each_of_several_schemas_is_held(member: str):
    either = {member: [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}
    found = held(asked("Ann 7", {"x": either}))["x"]
    assert [each.get("enum") for each in found[member]] == [["Ann", "Ann 7", "7"], [7], None]


@pytest.mark.parametrize("member", ["$defs", "definitions"])
def test_what_a_reference_means_is_held_where_it_stands(member: str):
    there = {"$ref": f"#/{member}/Person"}
    person = {"type": "object", "properties": {"name": {"type": "string"}, "boss": there}}
    parameters = {member: {"Person": person}, "type": "object", "properties": {"who": there}}
    tool = {"type": "function", "function": {"name": "do", "parameters": parameters}}
    head = chat(msgspec.json.encode({"messages": [{"role": "user", "content": "Ann"}], "tools": [tool]}))
    spoken.hold(head)
    assert head.tools is not None
    found = msgspec.json.decode(head.tools[0]["function"])["parameters"]
    assert found[member]["Person"]["properties"] == {"name": {"type": "string", "enum": ["Ann"]}, "boss": there}
    assert found["properties"] == {"who": there}


def test_members_of_any_name_and_rows_of_several_kinds_are_held():
    properties = {
        "ages": {"type": "object", "additionalProperties": {"type": "integer"}},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
        "both": {"allOf": [{"type": "object", "properties": {"age": {"type": "integer"}}}]},
    }
    found = held(asked("Ann 7", properties))
    assert found["ages"]["additionalProperties"]["enum"] == [7]
    assert [each["enum"] for each in found["pair"]["prefixItems"]] == [["Ann", "Ann 7", "7"], [7]]
    assert found["both"]["allOf"][0]["properties"]["age"]["enum"] == [7]


def test_a_schema_as_deep_as_a_body_may_be_is_held():
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(55):
        schema = {"type": ["array", "null"], "items": schema}
    found = held(asked("Ann", {"x": schema}))["x"]
    for _ in range(55):
        found = found["items"]
    assert found == {"type": "string", "enum": ["Ann"]}


@pytest.mark.parametrize(
    ("schema", "said", "left"),
    [
        ({"type": "integer", "minimum": 5, "maximum": 10}, "1 5 7.5 10 11", [5, 10]),
        ({"type": "number", "exclusiveMinimum": 5, "exclusiveMaximum": 10.5}, "5 7.5 10 10.5", [7.5, 10]),
        ({"type": "integer", "minimum": 5, "exclusiveMinimum": True}, "4 5 6", [5, 6]),
        ({"type": "string", "minLength": 3, "maxLength": 5}, "Jo or Anne", ["Jo or", "Anne"]),
        ({"type": "string", "maxLength": "3"}, "Anne", ["Anne"]),
    ],
)
def test_pieces_are_within_the_callers_bounds(schema: dict[str, Any], said: str, left: list[Any]):
    assert held(asked(said, {"x": schema}))["x"] == schema | {"enum": left}


@pytest.mark.parametrize("schema", [{"type": "integer", "minimum": 8}, {"type": "string", "minLength": 6}])
def test_where_no_piece_is_within_the_callers_bounds_the_schema_stays(schema: dict[str, Any]):
    assert held(asked("Ann 7", {"x": schema}))["x"] == schema


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


def test_the_last_words_of_the_user_count():
    head = asked("Ann", {"name": {"type": "string"}})
    head.messages = [
        Raw(msgspec.json.encode({"role": role, "content": text}))
        for role, text in (("user", "Ann"), ("assistant", "Bob?"), ("user", "Cid"), ("tool", "Dan"))
    ]
    assert held(head)["name"]["enum"] == ["Cid"]


def test_a_message_in_parts_is_the_text_of_its_parts_each_a_line():
    image = {"type": "image_url", "image_url": {"url": "data:"}}
    parts = [{"type": "text", "text": "To Ann."}, image, {"type": "text", "text": "Now"}]
    found = held(asked(parts, {"name": {"type": "string"}}))["name"]["enum"]
    assert found == ["To", "To Ann", "To Ann.\nNow", "Ann", "Ann.\nNow", "Now"]


def test_a_schema_with_a_number_that_no_double_holds_is_left_to_the_engine():
    schema = b'{"type":"object","properties":{"x":{"type":"number","maximum":1e999}}}'
    body = b'{"messages":[{"role":"user","content":"7"}],"tools":[{"function":{"parameters":%s}}]}' % schema
    head = chat(body)
    spoken.hold(head)
    assert head.tools is not None
    assert schema in bytes(head.tools[0]["function"])


@pytest.mark.parametrize("said", ["", " \n", None, 5, [], [7, {"type": "text", "text": 7}], "word " * 3000])
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


def fitted(head: Chat, *, quotes_only: bool) -> Chat:
    route = Route("k", "t", "m", "chat", "ready", reading=Reading(quotes_only=quotes_only))
    ask("/v1/chat/completions", head, generated).fit(route)
    return head


@pytest.mark.parametrize("quotes_only", [True, False])
def test_only_a_model_that_quotes_is_held(quotes_only: bool):
    head = fitted(asked("Ann", {"name": {"type": "string"}}), quotes_only=quotes_only)
    assert head.tools is not None
    assert (b'"enum":["Ann"]' in bytes(head.tools[0]["function"])) is quotes_only
    assert head.temperature == (0 if quotes_only else None), "which words are meant is no matter of chance"


def test_unless_the_caller_says_how_much_chance_there_is():
    assert fitted(asked("Ann", {}, temperature=0.7), quotes_only=True).temperature == 0.7
