"""Filters as a tree. Built from a request's JSON by checks alone; no store ever sees a user's text as code.

A condition on a field that an item lacks, or holds as another type, is false; Not of it is true. So there are two
truth values, and every store must answer as `matches` does.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Scalar = str | bool | int | float
Comparable = str | bool | float


class Op(StrEnum):
    EQ = "$eq"
    NE = "$ne"  # the field is there, of this type, and differs
    LT = "$lt"
    LE = "$lte"
    GT = "$gt"
    GE = "$gte"


@dataclass(frozen=True)
class Compare:
    field: str
    op: Op
    value: Scalar  # LT to GE: numbers or texts


@dataclass(frozen=True)
class In:
    field: str
    values: tuple[Scalar, ...]  # of one type, at least one


@dataclass(frozen=True)
class Exists:
    """The field holds a text, a number or a flag. One that holds null, a list or an object counts as absent."""

    field: str


@dataclass(frozen=True)
class And:
    parts: tuple["Filter", ...]  # none: everything matches


@dataclass(frozen=True)
class Or:
    parts: tuple["Filter", ...]  # none: nothing matches


@dataclass(frozen=True)
class Not:
    part: "Filter"


Filter = Compare | In | Exists | And | Or | Not

OPERATORS: Mapping[Op, Callable[[Any, Any], Any]] = {
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}


def comparable(value: object) -> Comparable | None:
    """What conditions see of a value: numbers as float64 with one zero, so that 2**53 equals 2**53 + 1 in every
    store; texts compare by code point. None for what is no scalar.
    """
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int | float):
        return _number(value)
    return None


def matches(condition: Filter, metadata: Mapping[str, Any]) -> bool:
    match condition:
        case Compare(field, op, value):
            held, wanted = comparable(metadata.get(field)), comparable(value)
            return type(held) is type(wanted) and bool(OPERATORS[op](held, wanted))
        case In(field, values):
            return any(matches(Compare(field, Op.EQ, value), metadata) for value in values)
        case Exists(field):
            return comparable(metadata.get(field)) is not None
        case And(parts):
            return all(matches(part, metadata) for part in parts)
        case Or(parts):
            return any(matches(part, metadata) for part in parts)
        case Not(part):
            return not matches(part, metadata)


def fields_of(condition: Filter) -> frozenset[str]:
    match condition:
        case Compare(field) | In(field) | Exists(field):
            return frozenset({field})
        case And(parts) | Or(parts):
            return frozenset().union(*map(fields_of, parts))
        case Not(part):
            return fields_of(part)


def _number(value: float) -> float | None:
    try:
        number = float(value) + 0.0  # -0.0 becomes 0.0
    except OverflowError:  # an int beyond every float
        number = float("inf") if value > 0 else float("-inf")
    return None if number != number else number
