"""JSONL: a record a line."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from llmanager.adapters.documents.child import serve
from llmanager.adapters.documents.limits import Limits
from llmanager.adapters.documents.records import TEXTS, lines
from llmanager.adapters.documents.text import encoding_of, noted
from llmanager.vdb.entities import Block


def jsonl_blocks(source: BinaryIO, _: Limits) -> Iterator[Block]:
    """A line that is no object with a text is a text as it stands."""
    encoding = encoding_of(source)
    for number, line in enumerate(lines(source, encoding, newline=None), start=1):
        text, metadata = _record(line)
        yield Block(text, {**noted(encoding), "line": number, **metadata}, is_record=True)


def _record(line: str) -> tuple[str, dict[str, Any]]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return line.strip(), {}
    name = next((name for name in TEXTS if isinstance(record, dict) and isinstance(record.get(name), str)), None)
    if name is None:
        return line.strip(), {}
    text, metadata = record.pop(name), record.pop("metadata", None)
    beside = {key: value for key, value in record.items() if isinstance(value, str | int | float | bool)}
    return text, beside | (metadata if isinstance(metadata, dict) else {})


if __name__ == "__main__":
    serve(jsonl_blocks)
