"""A schema that nothing can meet is refused: it would fill the memory of the model's process, for everybody."""

from typing import Any

import msgspec
import pytest

from llmanager.gateway.bounds import check_bounds
from llmanager.gateway.head import Chat, chat
from llmanager.kernel.errors import InvalidInput

IMPOSSIBLE = [
    {"type": "string", "minLength": 10, "maxLength": 2},
    {"type": "array", "items": {"type": "string"}, "minItems": 5, "maxItems": 2},
    {"type": "integer", "minimum": 5, "maximum": 1.5},
]


def asked(**more: Any) -> Chat:
    return chat(msgspec.json.encode({"messages": [{"role": "user", "content": "Go"}], **more}))


def in_tool(schema: dict[str, Any]) -> Chat:
    function = {"name": "do", "parameters": {"type": "object", "properties": {"x": schema}}}
    return asked(tools=[{"type": "function", "function": function}])


def in_format(schema: dict[str, Any]) -> Chat:
    shape = {"name": "x", "schema": {"type": "array", "items": {"anyOf": [{"type": "null"}, schema]}}}
    return asked(response_format={"type": "json_schema", "json_schema": shape})


@pytest.mark.parametrize("schema", IMPOSSIBLE)
def test_it_says_where_and_what_cannot_both_be_met(schema: dict[str, Any]):
    with pytest.raises(InvalidInput, match=r"in 'tools' has min\w+ \d+ and max\w+ [\d.]+: nothing") as told:
        check_bounds(in_tool(schema))
    assert told.value.param == "tools"
    with pytest.raises(InvalidInput, match="in 'response_format'"):
        check_bounds(in_format(schema))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLength": 2, "maxLength": 2},
        {"type": "object", "properties": {"minLength": {"type": "integer"}, "maxLength": {"type": "integer"}}},
        {"type": "integer", "minimum": 5},
    ],
)
def test_others_pass(schema: dict[str, Any]):
    check_bounds(in_tool(schema))
    check_bounds(in_format(schema))


def test_so_do_requests_without_schemas_and_what_is_no_json():
    check_bounds(asked())
    check_bounds(asked(tools=[{"type": "function"}], response_format={"type": "json_object"}))
    function = msgspec.Raw(b'{"name": "f", "parameters": {"minimum": 1e999}}')
    head = asked(tools=[{"type": "function"}])
    assert head.tools is not None
    head.tools[0]["function"] = function
    check_bounds(head)
