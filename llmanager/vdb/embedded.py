"""Files of embedded data. Pure; a bounded part of them is in memory.

Two forms. JSONL: a line {"id", "text", "metadata", "source", "vector"} an item; all but `vector` may be missing. And
one object {"metadata": [text…], "embeddings": [[number…]…]} in this order, whose texts are held until they have theirs.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from llmanager.kernel.errors import InvalidInput
from llmanager.vdb.chunks import chunk_id
from llmanager.vdb.entities import MAX_OBJECT_BYTES, MAX_OBJECT_ITEMS, Found, Item
from llmanager.vdb.json_stream import JsonStream
from llmanager.vdb.limits import packed

OBJECT: Final = re.compile(r'\s*\{\s*"(metadata|embeddings)"\s*:\s*\[')
FIELDS: Final = frozenset({"id", "text", "metadata", "source", "vector"})


def embedded_items(name: str, content: Iterable[bytes]) -> Iterator[Found]:
    """Items without an id get `NAME#NNNNNN`. Raises InvalidInput, which says where."""
    stream = JsonStream(content)
    entries = _of_object(stream) if OBJECT.match(stream.head()) else _of_lines(stream)
    dim: int | None = None
    for number, entry in enumerate(entries):
        vector = entry.get("vector")
        if not isinstance(vector, list) or not all(type(component) in (int, float) for component in vector):
            raise _wrong(f"Item {number} has no 'vector' that is a list of numbers.")
        row = packed([vector], "src", number)
        if dim not in (None, row.dim):
            raise _wrong(f"Vector {number} has {row.dim} dimensions, those before it have {dim}.")
        dim = row.dim
        yield Found(_item(entry, number, name), row.data)


def _item(entry: dict[str, Any], number: int, name: str) -> Item:
    id_, text = entry.get("id", chunk_id(name, number)), entry.get("text", "")
    metadata, source = entry.get("metadata", {}), entry.get("source", name)
    if not (isinstance(id_, str) and isinstance(text, str) and isinstance(source, str) and isinstance(metadata, dict)):
        raise _wrong(f"Of item {number} 'id', 'text' and 'source' must be texts, and 'metadata' an object.")
    return Item(id_, text, metadata, source)


def _of_lines(stream: JsonStream) -> Iterator[dict[str, Any]]:
    for number, entry in enumerate(stream.values()):
        if not isinstance(entry, dict) or not entry.keys() <= FIELDS:
            raise _wrong(f"Item {number} must be an object of {', '.join(sorted(FIELDS))}.")
        yield entry


def _of_object(stream: JsonStream) -> Iterator[dict[str, Any]]:
    stream.limit(MAX_OBJECT_BYTES, "Give it as JSONL, a line an item.")
    texts: list[Any] = []
    vectors = 0
    for field in stream.members():
        if field == "metadata":
            texts = _texts(stream)
        elif field == "embeddings":
            for vectors, vector in enumerate(stream.elements(), start=1):
                if vectors > len(texts):
                    raise _wrong("It has more 'embeddings' than texts in 'metadata', or these come behind them.")
                yield {"text": texts[vectors - 1], "vector": vector}
        else:
            raise _wrong(f"Its member {field[:40]!r} is unknown. It has 'metadata' and 'embeddings'.")
    if vectors < len(texts):
        raise _wrong(f"'metadata' has {len(texts)} texts and 'embeddings' only {vectors} vectors.")


def _texts(stream: JsonStream) -> list[Any]:
    texts: list[Any] = []
    for text in stream.elements():
        texts.append(text)
        if len(texts) > MAX_OBJECT_ITEMS:
            raise _wrong(f"It has more than {MAX_OBJECT_ITEMS} items. Give them as JSONL, a line an item.")
    return texts


def _wrong(what: str) -> InvalidInput:
    return InvalidInput(f"The file of embedded data cannot be loaded. {what}", param="src")
