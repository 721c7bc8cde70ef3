"""Filters as a tree. Built from a request's JSON by checks alone; no store ever sees a user's text as code.

A condition on a field that an item lacks, or holds as another type, is false; Not of it is true. So there are two
truth values, and every store must answer as `matches` does.
"""

from dataclasses import dataclass
from enum import StrEnum

Scalar = str | bool | int | float


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
    field: str


@dataclass(frozen=True)
class And:
    parts: tuple["Filter", ...]


@dataclass(frozen=True)
class Or:
    parts: tuple["Filter", ...]


@dataclass(frozen=True)
class Not:
    part: "Filter"


Filter = Compare | In | Exists | And | Or | Not
