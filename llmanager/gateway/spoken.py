"""Tool calls and JSON of a model that is held to quoting: each value is then a piece of what the user said last. Pure.

Texts and numbers in the schemas of tools and of `response_format` get an `enum` of those pieces, which llama.cpp's own
grammar enforces. What has an `enum`, a `const`, a `pattern` or a `format` keeps it; pieces out of the caller's bounds
are left out, since the grammar looks at nothing beside an `enum`.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from msgspec import Raw

from llmanager.gateway.head import Chat
from llmanager.gateway.pieces import pieces

_HELD_ALREADY: Final = frozenset({"enum", "const", "pattern", "format", "$ref", "anyOf", "oneOf", "allOf"})
_SPOKEN: Final = frozenset({"string", "number", "integer"})
_PLAIN: Final = _SPOKEN | {"boolean", "null"}
_BY_NAME: Final = ("properties", "$defs", "definitions")  # members that hold schemas: what `$ref` means is among them
_IN_A_ROW: Final = ("anyOf", "oneOf", "allOf", "prefixItems", "items", "additionalProperties")  # or one alone

_OF_TEXTS: Final = ("minLength", "maxLength")
_OF_NUMBERS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_IS_MET: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "minLength": operator.ge, "minimum": operator.ge, "exclusiveMinimum": operator.gt,
    "maxLength": operator.le, "maximum": operator.le, "exclusiveMaximum": operator.lt,
}  # fmt: skip

Values = Mapping[str, Sequence[Any]]  # by JSON type


def hold(head: Chat) -> None:
    """Changes tools and format."""
    tools = [_decoded(tool.get("function")) for tool in head.tools or []]
    shape = _decoded((head.response_format or {}).get("json_schema"))
    schemas = [schema for tool in tools for schema in _leaves(_member(tool, "parameters"))]
    schemas += _leaves(_member(shape, "schema"))
    values = _values(_said_last(head.messages), len(schemas)) if schemas else {}
    held = [_hold(schema, values) for schema in schemas] if any(values.values()) else []
    if not any(held):
        return
    if head.tools:
        pairs = zip(head.tools, tools, strict=True)
        head.tools = [raw | {"function": _encoded(tool)} if tool else raw for raw, tool in pairs]
    if shape and head.response_format:
        head.response_format = head.response_format | {"json_schema": _encoded(shape)}


def _said_last(messages: Sequence[Raw]) -> str:
    for raw in reversed(messages):
        message = _decoded(raw)
        if _member(message, "role") in ("user", None):
            content = _member(message, "content")
            parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
            texts = [_member(part, "text") for part in parts if _member(part, "type") == "text"]
            return "\n".join(text for text in texts if isinstance(text, str))
    return ""


def _values(said: str, places: int) -> Values:
    found = pieces(said, places)
    integers = [number for number in found.numbers if isinstance(number, int)]
    return {"string": found.texts, "number": found.numbers, "integer": integers}


def _leaves(schema: Any) -> Iterator[dict[str, Any]]:
    """Of a JSON schema: those of texts and numbers that anything may stand in.

    Where a `$ref` leads is walked where it stands: a schema is a tree, as deep as a body may be (depth.py).
    """
    if not isinstance(schema, dict):
        return
    if _SPOKEN & _types(schema) and not schema.keys() & _HELD_ALREADY:
        yield schema
    for inner in _inside(schema):
        yield from _leaves(inner)


def _inside(schema: Mapping[str, Any]) -> Iterator[Any]:
    for name in _BY_NAME:
        named = schema.get(name)
        yield from named.values() if isinstance(named, dict) else ()
    for name in _IN_A_ROW:
        row = schema.get(name)
        yield from row if isinstance(row, list) else (row,)


def _types(schema: Mapping[str, Any]) -> set[str]:
    """Where they are plain ones, which have nothing inside."""
    types = schema.get("type")
    listed: list[Any] = types if isinstance(types, list) else [types]
    return set(listed) if all(isinstance(each, str) and each in _PLAIN for each in listed) else set()


def _hold(schema: dict[str, Any], values: Values) -> bool:
    """Of several types each gets its own: llama.cpp would put one `enum` into the grammar once a type."""
    kind = schema["type"]
    if isinstance(kind, list):
        either = [{"type": each, **_bounds(schema, each)} for each in dict.fromkeys(kind)]
        held = [_hold(each, values) for each in either]
        if any(held):
            del schema["type"]
            schema["anyOf"] = either
        return any(held)
    bounds = _bounds(schema, kind)
    fitting = [value for value in values.get(kind, ()) if _is_within(value, bounds)]
    if fitting:
        schema["enum"] = fitting
    return bool(fitting)


def _bounds(schema: Mapping[str, Any], kind: str) -> dict[str, float]:
    names = _OF_TEXTS if kind == "string" else _OF_NUMBERS if kind in _SPOKEN else ()
    return {name: schema[name] for name in names if type(schema.get(name)) in (int, float)}


def _is_within(value: Any, bounds: Mapping[str, float]) -> bool:
    size = len(value) if isinstance(value, str) else value
    return all(_IS_MET[name](size, bound) for name, bound in bounds.items())


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _decoded(raw: Raw | None) -> Any:
    with suppress(msgspec.DecodeError):  # a number like 1e999: the server is to say what it thinks of it
        return msgspec.json.decode(raw) if raw is not None else None
    return None


def _encoded(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))
