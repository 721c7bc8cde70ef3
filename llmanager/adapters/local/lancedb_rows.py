"""Items as rows of a Lance table, and filters as expressions over its columns.

Metadata is kept whole, as JSON text. Its top-level scalars are columns besides, one for each field and type, added
when first seen: "t_", "n_" or "f_" and the field's UTF-8 in hexadecimal, so no user's word is ever part of a column's
name. An expression reaches Lance as a tree, in searches, deletes and merges alike, so ids and values are never parsed
either. (Updates would render it as SQL: there are none.)

`fields` names the columns that a row holds, so that a condition is true or false and never NULL: the expression builder
has no IS NULL, and a column may keep an old value where two writers raced to add it.
"""

import functools
import json
import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from lancedb.expr import Expr, col, lit

from llmanager.adapters.local.scores import Matrix, lengths, matrix
from llmanager.vdb.conditions import type_of, typed
from llmanager.vdb.entities import MIN_LENGTH, Found, Item, Metric, Shape, Vectors
from llmanager.vdb.filters import OPERATORS, And, Comparable, Compare, Exists, Filter, In, Not, Or, Scalar, comparable
from llmanager.vdb.ports import FieldType

ITEM = ["id", "text", "source", "metadata"]
UNDIRECTED = "is_undirected"  # a column of its own, added with the first vector that has no direction

_PREFIXES = {FieldType.TEXT: "t_", FieldType.NUMBER: "n_", FieldType.FLAG: "f_"}
_FIELD_TYPES = {prefix: type_ for type_, prefix in _PREFIXES.items()}
_ARROW = {"t_": pa.string(), "n_": pa.float64(), "f_": pa.bool_()}
_Test = Callable[[str, list[Comparable]], Expr]


def schema(shape: Shape) -> pa.Schema:
    """Of an empty index."""
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("vector", pa.list_(pa.float32(), shape.dim)),
            *(pa.field(name, pa.string()) for name in ("text", "source", "metadata", "fields")),
        ]
    )


def column(field: str, type_: FieldType) -> str:
    return _PREFIXES[type_] + field.encode().hex()


def fields(columns: Iterable[str]) -> Mapping[str, frozenset[FieldType]]:
    found: dict[str, frozenset[FieldType]] = {}
    for name in columns:
        if (type_ := _FIELD_TYPES.get(name[:2])) is not None:
            field = bytes.fromhex(name[2:]).decode()
            found[field] = found.get(field, frozenset()) | {type_}
    return found


def count_fields(columns: Iterable[str]) -> int:
    return sum(name[:2] in _PREFIXES.values() for name in columns)


class Rows:
    """Of one write: what to add to the schema, and the table to merge once that is done."""

    def __init__(self, items: Sequence[Item], vectors: Vectors | None, metric: Metric) -> None:
        places = {item.id: place for place, item in enumerate(items)}  # of several with one id the last
        self._items = [items[place] for place in places.values()]
        floats = np.zeros((0, 1), "<f4") if vectors is None else matrix(vectors.data, vectors.dim)
        if len(floats) != len(items):
            raise ValueError("an item without a vector, or a vector without an item")
        self._vectors = floats[list(places.values())]
        self._values = [_columns(item.metadata) for item in self._items]
        if metric is Metric.COSINE:
            for place in np.flatnonzero(lengths(self._vectors) < MIN_LENGTH):
                self._values[place][UNDIRECTED] = True

    def __len__(self) -> int:
        return len(self._items)

    def columns(self) -> dict[str, pa.DataType]:
        """Those that the schema must have besides its own."""
        names = dict.fromkeys(name for values in self._values for name in values)
        return {name: _ARROW.get(name[:2], pa.bool_()) for name in names}

    def table(self, schema: pa.Schema) -> pa.Table:
        """Every column of `schema`: one that a merge does not bring would keep its old value."""
        return pa.Table.from_arrays([self._array(field) for field in schema], schema=schema)

    def _array(self, field: pa.Field) -> pa.Array:
        match field.name:
            case "vector":
                return pa.FixedSizeListArray.from_arrays(pa.array(self._vectors.ravel()), field.type.list_size)
            case "id" | "text" | "source":
                return pa.array([getattr(item, field.name) for item in self._items], field.type)
            case "metadata":
                return pa.array([json.dumps(dict(item.metadata)) for item in self._items], field.type)
            case "fields":
                return pa.array([f" {' '.join(values)} " for values in self._values], field.type)
        return pa.array([values.get(field.name) for values in self._values], field.type)


def items(rows: pa.Table) -> list[Item]:
    columns = (rows[name].to_pylist() for name in ITEM)
    return [Item(id_, text, json.loads(told), source) for id_, text, source, told in zip(*columns, strict=True)]


def vectors(rows: pa.Table, dim: int) -> Matrix:
    values = rows["vector"].combine_chunks().flatten()
    return np.asarray(values.to_numpy(zero_copy_only=False), "<f4").reshape(-1, dim)


def found(rows: pa.Table, dim: int) -> list[Found]:
    held = zip(items(rows), vectors(rows, dim), strict=True)
    return [Found(item, vector.tobytes()) for item, vector in held]


def predicate(where: Filter, columns: Collection[str]) -> Expr:
    """True for exactly the rows that `matches`. `columns`: those that the table has."""
    match where:
        case Compare(field, op, value):
            return _on(field, [value], lambda name, seen: OPERATORS[op](col(name), lit(seen[0])), columns)
        case In(field, values):
            return _on(field, values, lambda name, seen: col(name).isin(seen), columns)
        case Exists(field):
            names = {column(field, type_) for type_ in FieldType} & set(columns)
            return functools.reduce(operator.or_, map(holds, sorted(names)), lit(False))
        case And(parts):
            return functools.reduce(operator.and_, (predicate(part, columns) for part in parts), lit(True))
        case Or(parts):
            return functools.reduce(operator.or_, (predicate(part, columns) for part in parts), lit(False))
        case Not(part):
            return ~predicate(part, columns)


def _on(field: str, values: Sequence[Scalar], test: _Test, columns: Collection[str]) -> Expr:
    seen = [value for value in map(comparable, values) if value is not None]
    if not seen or (name := column(field, type_of(seen[0]))) not in columns:
        return lit(False)
    return test(name, seen) & holds(name)  # the comparison first: the other half is then asked of fewer rows


def holds(name: str) -> Expr:
    return col("fields").contains(f" {name} ")


def _columns(metadata: Mapping[str, Any]) -> dict[str, Comparable]:
    return {column(field, type_): value for (field, type_), value in typed(metadata).items()}
