"""What may be written and asked. Pure; every refusal says which item and what is allowed."""

import json
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llmanager.kernel.errors import InvalidInput
from llmanager.vdb.conditions import type_of, typed
from llmanager.vdb.entities import (
    FLOAT_BYTES,
    MAX_BYTES_AT_ONCE,
    MAX_COMPONENT,
    MAX_DIM,
    MAX_FIELDS,
    MAX_ID_BYTES,
    MAX_ITEMS_AT_ONCE,
    MAX_K,
    MAX_METADATA_BYTES,
    MAX_METADATA_DEPTH,
    MAX_QUERY_BYTES,
    MAX_TEXT_BYTES,
    Item,
    Vectors,
    Write,
)
from llmanager.vdb.errors import ItemTooLarge, UnknownField, WriteTooLarge
from llmanager.vdb.filters import And, Compare, Exists, Filter, In, Not, Or, comparable
from llmanager.vdb.ports import FieldType

_BATCH = "Send less at once, or have a file ingested with POST /vdb/embed."
_INT64 = range(-(2**63), 2**63)
_SHOWN_FIELDS = 30


def check_write(write: Write) -> None:
    """Raises InvalidInput, ItemTooLarge, WriteTooLarge."""
    check_count(len(write.items))
    check_count(len(write.deleted_ids), "ids")
    for id_ in write.deleted_ids:
        check_id(id_, "ids")
    size = check_items(write.items) + (len(write.vectors.data) if write.vectors else 0)
    check_vectors(write.vectors, len(write.items))
    if size > MAX_BYTES_AT_ONCE:
        raise WriteTooLarge(f"The write has {size} bytes; at most {MAX_BYTES_AT_ONCE} go in one. {_BATCH}")


def check_count(count: int, of: str = "items") -> None:
    """Raises WriteTooLarge."""
    if count > MAX_ITEMS_AT_ONCE:
        raise WriteTooLarge(f"The write has {count} {of}; at most {MAX_ITEMS_AT_ONCE} go in one. {_BATCH}")


def check_items(items: Sequence[Item]) -> int:
    """Each by itself, and that no id is there twice; their bytes. Raises InvalidInput, ItemTooLarge."""
    seen: set[str] = set()
    total = 0
    for number, item in enumerate(items):
        check_id(item.id, f"ids.{number}")
        if item.id in seen:
            raise InvalidInput(f"The id of item {number} is there twice in one write.", param=f"ids.{number}")
        seen.add(item.id)
        if (size := _bytes(item.text, f"texts.{number}")) > MAX_TEXT_BYTES:
            raise ItemTooLarge(
                f"The text of item {number} has {size} bytes; at most {MAX_TEXT_BYTES} are kept. Split it, or have it "
                "split with POST /vdb/embed."
            )
        total += size + check_metadata(item.metadata, number)
    return total


def check_id(id_: str, param: str) -> None:
    if not 1 <= _bytes(id_, param) <= MAX_ID_BYTES:
        raise InvalidInput(f"An id has 1 to {MAX_ID_BYTES} bytes of UTF-8.", param=param)


def check_metadata(metadata: Mapping[str, Any], number: int) -> int:
    """Its bytes. Raises InvalidInput for what is no JSON that every store keeps, ItemTooLarge."""
    param = f"metadata.{number}"
    _check_json(metadata, param, MAX_METADATA_DEPTH)
    size = len(json.dumps(dict(metadata), ensure_ascii=False).encode())
    if size > MAX_METADATA_BYTES:
        raise ItemTooLarge(
            f"The metadata of item {number} has {size} bytes as JSON; at most {MAX_METADATA_BYTES} are kept. Keep less."
        )
    return size


def check_to_embed(texts: Iterable[str]) -> None:
    """Nothing can be made of a text without a word. Raises InvalidInput."""
    for number, text in enumerate(texts):
        if not text.strip():
            raise InvalidInput(f"The text of item {number} is blank. Leave it out.", param=f"texts.{number}")


def check_vectors(vectors: Vectors | None, count: int) -> None:
    """As many as items, all numbers within MAX_COMPONENT. Raises InvalidInput."""
    if vectors is None:
        if count:
            raise InvalidInput(f"There are {count} items and no vectors.", param="vectors")
        return
    check_dim(vectors.dim)
    if len(vectors.data) != count * FLOAT_BYTES * vectors.dim:
        raise InvalidInput(f"There are {count} items and {len(vectors)} vectors.", param="vectors")
    form = struct.Struct(f"<{vectors.dim}f")
    for number, row in enumerate(form.iter_unpack(vectors.data)):
        _check_numbers(row, number, "vectors")


def _check_numbers(row: Sequence[float], number: int, param: str) -> None:
    # A sum is not finite where a number is none, whatever min and max make of that.
    if not (min(row) >= -MAX_COMPONENT and max(row) <= MAX_COMPONENT and math.isfinite(sum(row))):
        raise InvalidInput(
            f"Vector {number} holds what is no number between -{MAX_COMPONENT:g} and {MAX_COMPONENT:g}.",
            param=f"{param}.{number}",
        )


def check_dim(dim: int) -> None:
    if not 1 <= dim <= MAX_DIM:
        raise InvalidInput(f"A vector has 1 to {MAX_DIM} dimensions, not {dim}.", param="dim")


def packed(rows: Sequence[Sequence[float]], param: str = "vectors", first: int = 0) -> Vectors:
    """`first` is the number of the first row in what the user gave.

    Raises InvalidInput where they are ragged, empty, or hold numbers beyond MAX_COMPONENT.
    """
    dim = len(rows[0]) if rows else 0
    check_dim(dim)
    form = struct.Struct(f"<{dim}f")
    data = bytearray()
    for number, row in enumerate(rows, start=first):
        if len(row) != dim:
            raise InvalidInput(
                f"Vector {number} has {len(row)} dimensions, vector {first} has {dim}.", param=f"{param}.{number}"
            )
        _check_numbers(row, number, param)
        data += form.pack(*row)
    return Vectors(dim, bytes(data))


def check_query(text: str | None, k: int) -> None:
    """Raises InvalidInput."""
    if not 1 <= k <= MAX_K:
        raise InvalidInput(f"'k' is 1 to {MAX_K}.", param="k")
    if text is not None and _bytes(text, "query") > MAX_QUERY_BYTES:
        raise InvalidInput(f"A query has at most {MAX_QUERY_BYTES} bytes of UTF-8. Shorten it.", param="query")
    if text is not None and not text.strip():
        raise InvalidInput("The query is blank.", param="query")


def check_new_fields(known: Mapping[str, frozenset[FieldType]], items: Iterable[Item]) -> None:
    """Raises InvalidInput where the collection would have more fields than can be filtered by."""
    fields = {(field, type_) for field, types in known.items() for type_ in types}
    fields |= {field for item in items for field in typed(item.metadata)}
    if len(fields) > MAX_FIELDS:
        raise InvalidInput(
            f"The metadata of the vector database would have {len(fields)} fields; at most {MAX_FIELDS} can be "
            "filtered by. Put rare ones into one field that holds an object.",
            param="metadata",
        )


def check_filter(where: Filter, known: Mapping[str, frozenset[FieldType]]) -> None:
    """Raises UnknownField, and InvalidInput where a field never held what it is compared with."""
    for field, wanted in _compared(where):
        if field not in known:
            raise UnknownField(
                f"No item has a text, number or flag named {field!r} in its metadata. {_named(known)}", param="filter"
            )
        if wanted is not None and wanted not in known[field]:
            held = " or ".join(sorted(known[field]))
            raise InvalidInput(f"The field {field!r} holds a {held}, and is compared with a {wanted}.", param="filter")


def _compared(where: Filter) -> Iterable[tuple[str, FieldType | None]]:
    match where:
        case Compare(field, _, value):
            return [(field, _type(value))]
        case In(field, values):
            return [(field, _type(value)) for value in values]
        case Exists(field):
            return [(field, None)]
        case Not(part):
            return _compared(part)
        case And(parts) | Or(parts):
            return [pair for part in parts for pair in _compared(part)]


def _type(value: Any) -> FieldType | None:
    seen = comparable(value)
    return None if seen is None else type_of(seen)


def _named(known: Mapping[str, object]) -> str:
    if not known:
        return "There are no fields yet."
    names = sorted(known)
    more = f" and {len(names) - _SHOWN_FIELDS} more" if len(names) > _SHOWN_FIELDS else ""
    return f"There are {', '.join(map(repr, names[:_SHOWN_FIELDS]))}{more}."


def _check_json(value: Any, param: str, depth: int) -> None:
    if depth < 0:
        raise InvalidInput(f"Metadata is nested at most {MAX_METADATA_DEPTH} deep.", param=param)
    match value:
        case Mapping():
            for name, member in value.items():
                _check_name(name, param)
                _check_json(member, param, depth - 1)
        case list() | tuple():
            for member in value:
                _check_json(member, param, depth - 1)
        case str():
            _bytes(value, param)
        case _:
            _check_scalar(value, param)


def _check_name(name: object, param: str) -> None:
    if not isinstance(name, str):
        raise InvalidInput("The names of metadata are text.", param=param)
    _bytes(name, param)


def _check_scalar(value: object, param: str) -> None:
    if not isinstance(value, bool | int | float | None):
        raise InvalidInput("Metadata holds only what JSON has.", param=param)
    if isinstance(value, int) and value not in _INT64:
        raise InvalidInput("Metadata holds integers of 64 bits at most. Write longer ones as text.", param=param)
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput("Metadata holds finite numbers only.", param=param)


def _bytes(text: str, param: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput("Text must be Unicode without lone surrogates.", param=param) from error
