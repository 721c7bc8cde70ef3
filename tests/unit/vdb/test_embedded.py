import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.kernel.errors import InvalidInput
from llmanager.vdb import embedded, json_stream
from llmanager.vdb.embedded import embedded_items
from llmanager.vdb.entities import Found, Item


def read(text: str | bytes, piece_bytes: int = 7) -> list[Found]:
    data = text if isinstance(text, bytes) else text.encode()
    pieces = (data[at : at + piece_bytes] for at in range(0, len(data), piece_bytes))
    return list(embedded_items("file.json", pieces))


def row(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


def test_texts_and_embeddings_in_one_object():
    assert read('{"metadata": ["one", "zwei ü"], "embeddings": [[1, 2.5], [-3e0, 4]]}') == [
        Found(Item("file.json#000000", "one", {}, "file.json"), row(1, 2.5)),
        Found(Item("file.json#000001", "zwei ü", {}, "file.json"), row(-3, 4)),
    ]


def test_an_object_without_items_holds_none():
    assert read('{"metadata": [], "embeddings": []}') == []
    assert read("") == []


def test_lines_with_all_fields_and_with_few():
    lines = [
        {"id": "a", "text": "one", "metadata": {"n": 1.5}, "source": "s", "vector": [1, 2]},
        {"vector": [3, 4]},
    ]
    assert read("\n".join(map(json.dumps, lines)) + "\n") == [
        Found(Item("a", "one", {"n": 1.5}, "s"), row(1, 2)),
        Found(Item("file.json#000001", "", {}, "file.json"), row(3, 4)),
    ]


def test_a_line_that_begins_with_metadata_is_a_line():
    assert read('{"metadata": {"a": 1}, "vector": [1]}')[0].item.metadata == {"a": 1}


@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.floats(-(2.0**40), 2.0**40, width=32))
    ).filter(bool),
    st.integers(1, 50),
)
def test_pieces_may_end_anywhere(pairs, piece_bytes):
    texts, numbers = zip(*pairs, strict=True)
    whole = json.dumps({"metadata": texts, "embeddings": [[n] for n in numbers]}, ensure_ascii=False)
    found = read(whole, piece_bytes)
    assert [one.item.text for one in found] == list(texts)
    assert [one.vector for one in found] == [row(number) for number in numbers]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no JSON", "neither JSONL"),
        ("{", "neither JSONL"),
        ("[1, 2]", "Item 0 must be an object"),
        ('{"id": "a", "vector": [1], "other": 1}', "Item 0 must be an object of id, metadata"),
        ('{"id": "a"}', "no 'vector'"),
        ('{"vector": "1"}', "no 'vector'"),
        ('{"vector": [1, "2"]}', "list of numbers"),
        ('{"vector": [true]}', "list of numbers"),
        ('{"vector": []}', "dimensions"),
        ('{"vector": [1]}{"vector": [1e39]}', "Vector 1 holds"),
        ('{"vector": [1]}\n{"vector": [1, 2]}', "Vector 1 has 2 dimensions, those before it have 1"),
        ('{"id": 5, "vector": [1]}', "'id'"),
        ('{"metadata": [1], "vector": [1]}', "'vector' is unknown"),
        ('{"metadata": ["a"], "embeddings": [[1], [2]]}', "more 'embeddings'"),
        ('{"metadata": ["a", "b"], "embeddings": [[1]]}', "2 texts and 'embeddings' only 1"),
        ('{"embeddings": [[1]], "metadata": ["a"]}', "behind them"),
        ('{"metadata": [null], "embeddings": [[1]]}', "'text'"),
        ('{"metadata": ["a"], "embeddings": [[1]', "neither JSONL"),
        ('{"metadata": ["a" "b"]}', "neither JSONL"),
        ("[" * 100_000, "neither JSONL"),
        (b'{"text": "\xff"}', "not UTF-8"),
    ],
)
def test_what_is_wrong_is_told(text, why):
    with pytest.raises(InvalidInput, match=why) as refused:
        read(text, 1000)
    assert refused.value.param in ("src", "src.1", "dim")


def test_limits_are_told(monkeypatch):
    for module, name in ((embedded, "MAX_OBJECT_ITEMS"), (json_stream, "MAX_VALUE_CHARACTERS")):
        monkeypatch.setattr(module, name, 3)
    with pytest.raises(InvalidInput, match="more than 3 items"):
        read('{"metadata": ["", "", "", ""], "embeddings": []}', 1000)
    with pytest.raises(InvalidInput, match="more than 3 characters"):
        read('{"metadata": ["' + 3000 * "a")
    monkeypatch.setattr(embedded, "MAX_OBJECT_BYTES", 1024 * 1024)
    with pytest.raises(InvalidInput, match=r"more than 1 MiB.*JSONL"):
        read('{"metadata": [' + " " * 2**20 + "]}", 100_000)


def test_values_are_not_read_ahead():
    """Each is there before the whole file is."""

    def content():
        yield b'{"metadata": ["a", "b"], "embeddings": [[1],'
        yield b" " * 1024
        raise AssertionError("read too far")

    assert next(embedded_items("f", content())).item.text == "a"
