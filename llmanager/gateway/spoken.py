"""Tool calls and JSON of a model that is held to quoting: each value is then a piece of what the user said last. Pure.

Texts and numbers in the schemas of tools and of `response_format` get an `enum` of those pieces, which llama.cpp's own
grammar enforces. What has an `enum`, a `const`, a `pattern` or a `format` keeps it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw

from llmanager.gateway.head import Chat

LONGEST: Final = 14  # words of a piece
SHORTEST_WORTH: Final = 3  # where even such pieces are too many, nothing is held
MAX_PIECES: Final = 12_000  # in all schemas of a request: a grammar of more is slow

_WORD = re.compile(r"\S+")
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*")
_OPENING, _CLOSING = "\"'([{<`*", "\"')]}>`*.,;:!?"
_CLOSING_BUT_DOT = _CLOSING.replace(".", "")
_HELD_ALREADY = frozenset({"enum", "const", "pattern", "format"})

Pieces = dict[str, list[Any]]  # by JSON type


def hold(head: Chat) -> None:
    """Changes tools and format; a call is then greedy where the caller does not say."""
    tools = [_decoded(tool.get("function")) for tool in head.tools or []]
    shape = _decoded((head.response_format or {}).get("json_schema"))
    schemas = [schema for tool in tools for schema in _leaves(_member(tool, "parameters"))]
    schemas += _leaves(_member(shape, "schema"))
    pieces = _pieces(_said_last(head.messages), len(schemas)) if schemas else {}
    for schema in schemas:
        if pieces.get(schema["type"]):
            schema["enum"] = pieces[schema["type"]]
    if not any(pieces.values()):
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


def _pieces(said: str, schemas: int) -> Pieces:
    words = list(_WORD.finditer(said))
    longest = min(LONGEST, MAX_PIECES // (2 * len(words) * schemas)) if words else 0
    if longest < SHORTEST_WORTH:
        return {}
    numbers = list(dict.fromkeys(_numbers(said)))
    return {
        "string": list(dict.fromkeys(_texts(said, words, longest))),
        "number": numbers,
        "integer": [number for number in numbers if isinstance(number, int)],
    }


def _texts(said: str, words: Sequence[re.Match[str]], longest: int) -> Iterator[str]:
    """Words and rows of words, without the signs around them: `"Dr. Ito"` is said, and so are `Dr` and `Dr.`.

    But a dot at the end of a line is a full stop.
    """
    for first, opening in enumerate(words):
        for closing in words[first : first + longest]:
            piece = said[opening.start() : closing.end()].lstrip(_OPENING)
            ends_line = said[closing.end() : closing.end() + 1] in ("", "\n")
            cut_off = (_CLOSING,) if ends_line else (_CLOSING, _CLOSING_BUT_DOT)
            yield from filter(None, (piece.rstrip(signs) for signs in cut_off))


def _numbers(said: str) -> Iterator[int | float]:
    for found in _NUMBER.findall(said):
        plain = found.replace(",", "")
        if plain.lstrip("-").isdecimal():
            yield int(plain)
        elif plain.count(".") == 1:
            yield float(plain)


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
