"""Tool calls and JSON of a model that is held to quoting: each value is then a piece of what the user said last. Pure.

Texts and numbers in the schemas of tools and of `response_format` get an `enum` of those pieces, which llama.cpp's own
grammar enforces. What has an `enum`, a `const`, a `pattern` or a `format` keeps it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw

from llmanager.gateway.head import Chat
from llmanager.gateway.pieces import pieces

_HELD_ALREADY = frozenset({"enum", "const", "pattern", "format"})

Values = Mapping[str, Sequence[Any]]  # by JSON type


def hold(head: Chat) -> None:
    """Changes tools and format; a call is then greedy where the caller does not say."""
    tools = [_decoded(tool.get("function")) for tool in head.tools or []]
    shape = _decoded((head.response_format or {}).get("json_schema"))
    schemas = [schema for tool in tools for schema in _leaves(_member(tool, "parameters"))]
    schemas += _leaves(_member(shape, "schema"))
    values = _values(_said_last(head.messages), len(schemas)) if schemas else {}
    for schema in schemas:
        if values[schema["type"]]:
            schema["enum"] = values[schema["type"]]
    if not any(values.values()):
        return
    if head.tools:
        pairs = zip(head.tools, tools, strict=True)
        head.tools = [raw | {"function": _encoded(tool)} if tool else raw for raw, tool in pairs]
    if shape and head.response_format:
        head.response_format = head.response_format | {"json_schema": _encoded(shape)}
    if head.temperature is None:
        head.temperature = 0  # which words are meant is no matter of chance


def _said_last(messages: Sequence[Raw]) -> str:
    for raw in reversed(messages):
        message = msgspec.json.decode(raw)
        if _member(message, "role") == "user":
            content = message["content"] if isinstance(message.get("content"), str) else ""
            return str(content)
    return ""


def _values(said: str, places: int) -> Values:
    found = pieces(said, places)
    integers = [number for number in found.numbers if isinstance(number, int)]
    return {"string": found.texts, "number": found.numbers, "integer": integers}


def _leaves(schema: Any) -> Iterator[dict[str, Any]]:
    """Of a JSON schema: those of texts and numbers that anything may stand in."""
    if not isinstance(schema, dict):
        return
    if schema.get("type") in ("string", "number", "integer") and not schema.keys() & _HELD_ALREADY:
        yield schema
    properties = schema.get("properties")
    for inner in properties.values() if isinstance(properties, dict) else ():
        yield from _leaves(inner)
    yield from _leaves(schema.get("items"))


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _decoded(raw: Raw | None) -> Any:
    return msgspec.json.decode(raw) if raw is not None else None


def _encoded(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))
