"""CSV: a record a row."""

import csv
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

from llmanager.adapters.documents.child import serve
from llmanager.adapters.documents.limits import MAX_LINE_CHARACTERS, Limits, Refused
from llmanager.adapters.documents.records import TEXTS, lines
from llmanager.adapters.documents.text import encoding_of, noted
from llmanager.vdb.entities import Block

DELIMITERS: Final = ",;\t|"
MAX_COLUMNS: Final = 1000
MAX_FIELDS: Final = 64  # of a row's metadata
MAX_FIELD_CHARACTERS: Final = 200  # longer ones are text, not something to filter by


def csv_blocks(source: BinaryIO, _: Limits) -> Iterator[Block]:
    """The first row names the columns. The other rows are records: a column named as in TEXTS, or else all columns as
    lines `column: value`; short values are metadata too.
    """
    encoding = encoding_of(source)
    remaining = lines(source, encoding, newline="")
    first = next(remaining, "")
    csv.field_size_limit(MAX_LINE_CHARACTERS)
    rows = csv.reader(itertools.chain([first], remaining), delimiter=max(DELIMITERS, key=first.count))
    try:
        columns = _columns(next(rows, []))
        for number, row in enumerate(rows, start=2):
            yield _row_block(columns, row, {**noted(encoding), "row": number})
    except csv.Error as error:
        raise Refused(
            f"Near line {rows.line_num} it is no CSV: a quote that is never closed, or a field of more than "
            f"{MAX_LINE_CHARACTERS} characters. Correct it."
        ) from error


def _columns(header: Sequence[str]) -> list[str]:
    if len(header) > MAX_COLUMNS:
        raise Refused(f"It has {len(header)} columns; at most {MAX_COLUMNS} are read. Leave some out.")
    names = [name.strip() for name in header]
    return [  # a name that is there twice would hide a value
        name if name and name not in names[: number - 1] else f"{name or 'column'} {number}"
        for number, name in enumerate(names, start=1)
    ]


def _row_block(columns: Sequence[str], row: Sequence[str], metadata: Mapping[str, Any]) -> Block:
    if len(row) > MAX_COLUMNS:
        raise Refused(f"Row {metadata['row']} has {len(row)} columns; at most {MAX_COLUMNS} are read. Correct it.")
    more = (f"column {number}" for number in itertools.count(len(columns) + 1))
    cells = {name: value.strip() for name, value in zip(itertools.chain(columns, more), row, strict=False)}
    named = next((name for name in cells if name.lower() in TEXTS), None)
    text = cells[named] if named else "\n".join(f"{name}: {value}" for name, value in cells.items() if value)
    short = [(k, v) for k, v in cells.items() if k != named and v and len(v) <= MAX_FIELD_CHARACTERS]
    return Block(text, {**metadata, **{k: _scalar(v) for k, v in short[:MAX_FIELDS]}}, is_record=True)


def _scalar(value: str) -> str | int | float:
    """A number where it is written as one and reads back the same: '007' and '1_000' are texts."""
    for kind in (int, float):
        try:
            number = kind(value)
        except ValueError:
            continue
        if math.isfinite(number) and str(number) == value and abs(number) < 2**63:
            return number
    return value


if __name__ == "__main__":
    serve(csv_blocks)
