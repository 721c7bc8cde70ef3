import math
import struct

import pytest

from llmanager.kernel.errors import InvalidInput
from llmanager.vdb.entities import (
    MAX_DIM,
    MAX_ID_BYTES,
    MAX_METADATA_BYTES,
    MAX_METADATA_DEPTH,
    MAX_TEXT_BYTES,
    Item,
    Vectors,
    Write,
)
from llmanager.vdb.errors import ItemTooLarge, WriteTooLarge
from llmanager.vdb.limits import check_items, check_vectors, check_write, packed


def nested(depth):
    return {"x": nested(depth - 1)} if depth else 1


def test_what_is_within_every_limit_passes_and_is_counted():
    item = Item("é" * (MAX_ID_BYTES // 2), "x" * MAX_TEXT_BYTES, {"x": nested(MAX_METADATA_DEPTH - 1), "n": -(2**63)})
    assert check_items([item]) > MAX_TEXT_BYTES


@pytest.mark.parametrize("id_", ["", "é" * (MAX_ID_BYTES // 2 + 1), "\ud800"])
def test_an_id_has_1_to_512_bytes(id_):
    with pytest.raises(InvalidInput) as refusal:
        check_items([Item("fine"), Item(id_)])
    assert refusal.value.param == "ids.1"


def test_an_id_is_there_once():
    with pytest.raises(InvalidInput, match="item 2 is there twice"):
        check_items([Item("a"), Item("b"), Item("a")])


def test_a_text_is_bounded_in_bytes():
    with pytest.raises(ItemTooLarge, match="262146 bytes; at most 262144"):
        check_items([Item("a", "é" * (MAX_TEXT_BYTES // 2 + 1))])


@pytest.mark.parametrize(
    "metadata",
    [
        {"x": math.nan},
        {"x": [1.0, -math.inf]},
        {"x": 2**63},
        {"x": {"y": -(2**63) - 1}},
        {"x": nested(MAX_METADATA_DEPTH)},
        {"x": "\ud800"},
        {"\ud800": 1},
        {1: "x"},
        {"x": b"bytes"},
        {"x": {1, 2}},
    ],
    ids=repr,
)
def test_metadata_is_json_that_every_store_keeps(metadata):
    with pytest.raises(InvalidInput) as refusal:
        check_items([Item("a", "", metadata)])
    assert refusal.value.param == "metadata.0"


def test_metadata_is_bounded_in_bytes_of_json():
    check_items([Item("a", "", {"x": "x" * (MAX_METADATA_BYTES - 9)})])
    with pytest.raises(ItemTooLarge, match="metadata of item 0"):
        check_items([Item("a", "", {"x": "x" * (MAX_METADATA_BYTES - 8)})])


def test_metadata_without_end_is_refused_at_the_limit():
    endless = {}
    endless["x"] = endless
    with pytest.raises(InvalidInput, match="nested"):
        check_items([Item("a", "", endless)])


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1.1e15, -1.1e15])
@pytest.mark.parametrize("place", [0, 1])
def test_vectors_hold_numbers_that_can_be_squared(number, place):
    wrong = [2.0, 3.0]
    wrong[place] = number
    data = struct.pack("<4f", 1.0, -1e14, *wrong)
    with pytest.raises(InvalidInput) as refusal:
        check_vectors(Vectors(2, data), 2)
    assert refusal.value.param == "vectors.1"


def test_the_largest_numbers_pass():
    check_vectors(Vectors(MAX_DIM, struct.pack("<f", 9.9e14) * MAX_DIM), 1)
    assert packed([[-1e15, 1e15]]).dim == 2


@pytest.mark.parametrize(
    ("vectors", "count"), [(None, 1), (Vectors(2, b"\0" * 8), 2), (Vectors(2, b"\0" * 12), 1), (Vectors(0, b""), 0)]
)
def test_there_is_a_vector_for_each_item_and_no_more(vectors, count):
    with pytest.raises(InvalidInput):
        check_vectors(vectors, count)


def test_a_write_is_bounded_in_bytes_altogether():
    item = "x" * MAX_TEXT_BYTES
    items = tuple(Item(str(n), item) for n in range(128))
    with pytest.raises(WriteTooLarge, match="at most 33554432"):
        check_write(Write(items, Vectors(1, b"\0" * 4 * 128)))


def test_a_write_is_bounded_in_items_and_deletes():
    check_write(Write(deleted_ids=("a",) * 5000))
    with pytest.raises(WriteTooLarge, match="5001 ids"):
        check_write(Write(deleted_ids=("a",) * 5001))
    with pytest.raises(InvalidInput):
        check_write(Write(deleted_ids=("",)))


def test_numbers_are_packed_as_little_endian_float32():
    assert packed([[1, 0.5], [-2.0, 0]]) == Vectors(2, bytes.fromhex("0000803f0000003f000000c000000000"))


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [[]],
        [[1.0], [1.0, 2.0]],
        [[math.nan]],
        [[math.inf]],
        [[1.1e15]],
        [[1e39]],
        [[10**400]],
        [[0.0] * (MAX_DIM + 1)],
    ],
)
def test_what_is_no_matrix_of_float32_is_refused(rows):
    with pytest.raises(InvalidInput):
        packed(rows)
