"""From a request's `filter` to a tree, and from metadata to what can be filtered by. Pure.

    {"lang": "en", "year": {"$gte": 2020, "$lt": 2025}, "$or": [{"tag": {"$in": ["a", "b"]}}, {"$not": {"old": true}}]}

Several conditions side by side must all hold.
"""

import math
from collections.abc import Mapping
from typing import Any, Never

from llmanager.kernel.errors import InvalidInput
from llmanager.vdb.entities import (
    MAX_FIELD_BYTES,
    MAX_FILTER_CONDITIONS,
    MAX_FILTER_DEPTH,
    MAX_FILTER_VALUES,
    MAX_METADATA_BYTES,
)
from llmanager.vdb.filters import And, Comparable, Compare, Exists, Filter, In, Not, Op, Or, Scalar, comparable
from llmanager.vdb.ports import FieldType

_COMPARISONS = frozenset(Op)
_ORDERED = frozenset({Op.LT, Op.LE, Op.GT, Op.GE})
_OPERATORS = ", ".join([*Op, "$in", "$nin", "$exists"])
_TYPES: dict[type, FieldType] = {str: FieldType.TEXT, float: FieldType.NUMBER, bool: FieldType.FLAG}


def typed(metadata: Mapping[str, Any]) -> dict[tuple[str, FieldType], Comparable]:
    """The top-level scalars, by name and type. Names longer than any filter may use are left out."""
    values = {field: comparable(value) for field, value in metadata.items() if len(field.encode()) <= MAX_FIELD_BYTES}
    return {(field, type_of(value)): value for field, value in values.items() if value is not None}


def type_of(value: Comparable) -> FieldType:
    return _TYPES[type(value)]


def parse(json: object) -> Filter:
    """`json` as decoded. Raises InvalidInput of `filter`, which says what is wrong and what is allowed."""
    return _Parser().conditions(json, depth=1)


class _Parser:
    """One filter's reading; counts what the limits are about."""

    def __init__(self) -> None:
        self._conditions = 0

    def conditions(self, json: object, depth: int) -> Filter:
        if depth > MAX_FILTER_DEPTH:
            _refuse(f"is nested more than {MAX_FILTER_DEPTH} deep")
        if not isinstance(json, Mapping):
            _refuse('must be an object such as {"year": {"$gte": 2020}}, and so must what $and, $or and $not join')
        if not json and depth > 1:
            _refuse("has an empty object within $and, $or or $not")
        return _all([self._entry(key, value, depth) for key, value in json.items()])

    def _entry(self, key: str, value: object, depth: int) -> Filter:
        match key:
            case "$and":
                return And(self._parts(key, value, depth))
            case "$or":
                return Or(self._parts(key, value, depth))
            case "$not":
                return Not(self.conditions(value, depth + 1))
        if key.startswith("$"):
            _refuse(f"has the unknown operator {_shown(key)}. Around conditions there may be $and, $or and $not")
        if _size_bytes(key) > MAX_FIELD_BYTES:
            _refuse(f"names a field of more than {MAX_FIELD_BYTES} bytes")
        if isinstance(value, Mapping):
            return self._field(key, value)
        return self._compare(key, Op.EQ, value)

    def _parts(self, operator: str, json: object, depth: int) -> tuple[Filter, ...]:
        if not isinstance(json, list | tuple) or not json:
            _refuse(f"has {operator} without a list of at least one object")
        return tuple(self.conditions(part, depth + 1) for part in json)

    def _field(self, field: str, tests: Mapping[str, object]) -> Filter:
        if not tests:
            _refuse(f"has no condition for the field {_shown(field)}. There may be {_OPERATORS}")
        return _all([self._test(field, operator, value) for operator, value in tests.items()])

    def _test(self, field: str, operator: str, value: object) -> Filter:
        match operator:
            case "$in":
                return In(field, self._values(operator, value))
            case "$nin":  # as so many $ne: the field is there, of this type, and differs from each
                values = self._values(operator, value)
                return And((Compare(field, Op.NE, values[0]), Not(In(field, values))))
            case "$exists":
                self._count()
                if not isinstance(value, bool):
                    _refuse("has $exists with something else than true or false")
                return Exists(field) if value else Not(Exists(field))
        if operator not in _COMPARISONS:
            _refuse(f"has the unknown operator {_shown(operator)} for a field. There may be {_OPERATORS}")
        return self._compare(field, Op(operator), value)

    def _compare(self, field: str, op: Op, value: object) -> Filter:
        self._count()
        scalar = _scalar(value)
        if op in _ORDERED and isinstance(scalar, bool):
            _refuse(f"has {op} with true or false, which have no order. Compare numbers or texts")
        return Compare(field, op, scalar)

    def _values(self, operator: str, json: object) -> tuple[Scalar, ...]:
        self._count()
        if not isinstance(json, list | tuple) or not 1 <= len(json) <= MAX_FILTER_VALUES:
            _refuse(f"has {operator} without a list of 1 to {MAX_FILTER_VALUES} values")
        values = tuple(_scalar(value) for value in json)
        if len({type(comparable(value)) for value in values}) > 1:
            _refuse(f"has {operator} with values of several types. Use one type, or $or")
        return values

    def _count(self) -> None:
        self._conditions += 1
        if self._conditions > MAX_FILTER_CONDITIONS:
            _refuse(f"has more than {MAX_FILTER_CONDITIONS} conditions")


def _all(parts: list[Filter]) -> Filter:
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _scalar(value: object) -> Scalar:
    if value is None:
        _refuse('compares with null. To ask for items without a field use {"$exists": false}')
    if not isinstance(value, str | bool | int | float):
        _refuse("compares with a list or an object. Compare with a text, a number, true or false")
    if isinstance(value, str) and _size_bytes(value) > MAX_METADATA_BYTES:
        _refuse(f"compares with a text of more than {MAX_METADATA_BYTES} bytes")
    number = comparable(value)
    if number is None or (isinstance(number, float) and not math.isfinite(number)):
        _refuse("compares with a number that is not finite or too large for a 64-bit float")
    return value


def _size_bytes(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        _refuse("has half a character: a lone surrogate such as \\ud800")


def _shown(name: str) -> str:
    return repr(name if len(name) <= 64 else f"{name[:64]}…")


def _refuse(what: str) -> Never:
    raise InvalidInput(f"'filter' {what}.", param="filter")
