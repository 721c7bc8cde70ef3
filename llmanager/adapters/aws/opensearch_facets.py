"""Metadata as words of one keyword field, and filters as queries over them. Pure.

Each top-level scalar becomes two words: that the field holds one of this type, and its value, so written that words are
in the order of the values. So every condition is a term or a range, infinite numbers included, and no user's word is
parsed by anybody. A word begins with the type and the length of the field's name: no name can pass for another.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final

from llmanager.vdb.conditions import type_of, typed
from llmanager.vdb.filters import And, Comparable, Compare, Exists, Filter, In, Not, Op, Or, comparable
from llmanager.vdb.ports import FieldType

Query = dict[str, Any]

NOTHING: Final[Query] = {"match_none": {}}
EVERYTHING: Final[Query] = {"match_all": {}}
UNDIRECTED: Final = "undirected"  # a word of items whose vector the index cannot hold; no field's name looks like it

_LETTERS: Final = {FieldType.TEXT: "t", FieldType.NUMBER: "n", FieldType.FLAG: "f"}
_SIGN: Final = 1 << 63
_ALL: Final = (1 << 64) - 1
_IS, _BEHIND = "=", ">"  # neighbours: what is between them begins with "="


def facets(metadata: Mapping[str, Any]) -> list[str]:
    return [word for (field, type_), value in typed(metadata).items() for word in _words(field, type_, value)]


def query_of(where: Filter) -> Query:
    """Matches exactly the items that `matches` does."""
    match where:
        case Compare(field, op, value):
            seen = comparable(value)
            return NOTHING if seen is None else _compared(_name(field, type_of(seen)), op, _shown(seen))
        case In(field, values):
            held = (value for value in map(comparable, values) if value is not None)
            return _any([_name(field, type_of(value)) + _IS + _shown(value) for value in held])
        case Exists(field):
            return _any([_name(field, type_) for type_ in FieldType])
        case And(parts):
            return {"bool": {"filter": [query_of(part) for part in parts]}} if parts else EVERYTHING
        case Or(parts):
            return {"bool": {"should": [query_of(part) for part in parts]}} if parts else NOTHING
        case Not(part):
            return {"bool": {"must_not": [query_of(part)]}}


def _words(field: str, type_: FieldType, value: Comparable) -> Iterator[str]:
    name = _name(field, type_)
    yield name
    yield name + _IS + _shown(value)


def _name(field: str, type_: FieldType) -> str:
    return f"{_LETTERS[type_]}{len(field)}:{field}"


def _shown(value: Comparable) -> str:
    """In the order of the values, by the bytes of UTF-8."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(int(value))
    (bits,) = struct.unpack(">Q", struct.pack(">d", value))
    return f"{bits ^ (_ALL if bits & _SIGN else _SIGN):016x}"


def _compared(name: str, op: Op, shown: str) -> Query:
    word = name + _IS + shown
    match op:
        case Op.EQ:
            return _any([word])
        case Op.NE:
            return {"bool": {"filter": [_any([name])], "must_not": [_any([word])]}}
        case Op.LT | Op.LE:
            return {"range": {"facets": {"gte": name + _IS, "lt" if op is Op.LT else "lte": word}}}
        case Op.GT | Op.GE:
            return {"range": {"facets": {"gt" if op is Op.GT else "gte": word, "lt": name + _BEHIND}}}


def _any(words: list[str]) -> Query:
    return {"terms": {"facets": words}} if words else NOTHING
