"""The GGUF format: metadata and the shapes of tensors, read with every claim checked against the file's size.

Nothing is allocated because a file says so, and time is bounded: a hostile file costs no more than a large good one.
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from typing import Final

from llmanager.kernel.errors import InvalidInput

MAX_HEADER_BYTES: Final = 64 * 1024 * 1024  # the largest vocabularies in use need about 10 MiB
MAX_KEYS: Final = 1024
MAX_TENSORS: Final = 65_536
MAX_KEY_BYTES: Final = 256
MAX_TEXT_BYTES: Final = 1024 * 1024  # of one string value; chat templates are the longest, about 30 KiB
MAX_LISTED_TEXTS: Final = 2 * 1024 * 1024  # strings of all lists together: bounds the time to about a second
MAX_KEPT_NUMBERS: Final = 1024  # a list of numbers up to this long is kept: one number a block
MAX_DIMENSIONS: Final = 4
MAX_TENSOR_NAME_BYTES: Final = 63
DEFAULT_ALIGNMENT: Final = 32
MAX_ALIGNMENT: Final = 64 * 1024

_TEXT, _LIST = 8, 9
_NUMBERS: Final = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}

# (elements in a block, bytes of a block): the ggml types that are laid out so
_TYPES_OF_BLOCK: Final = {
    (1, 1): (24,),  # I8
    (1, 2): (1, 25, 30),  # F16, I16, BF16
    (1, 4): (0, 26),  # F32, I32
    (1, 8): (27, 28),  # I64, F64
    (32, 17): (39,),  # MXFP4
    (32, 18): (2, 20),  # Q4_0, IQ4_NL
    (32, 20): (3,),  # Q4_1
    (32, 22): (6,),  # Q5_0
    (32, 24): (7,),  # Q5_1
    (32, 34): (8,),  # Q8_0
    (32, 40): (9,),  # Q8_1
    (64, 36): (40,),  # NVFP4
    (128, 18): (41,),  # Q1_0
    (256, 50): (19,),  # IQ1_S
    (256, 54): (34,),  # TQ1_0
    (256, 56): (29,),  # IQ1_M
    (256, 66): (16, 35),  # IQ2_XXS, TQ2_0
    (256, 74): (17,),  # IQ2_XS
    (256, 82): (22,),  # IQ2_S
    (256, 84): (10,),  # Q2_K
    (256, 98): (18,),  # IQ3_XXS
    (256, 110): (11, 21),  # Q3_K, IQ3_S
    (256, 136): (23,),  # IQ4_XS
    (256, 144): (12,),  # Q4_K
    (256, 176): (13,),  # Q5_K
    (256, 210): (14,),  # Q6_K
    (256, 292): (15,),  # Q8_K
}
BLOCKS: Final = {kind: block for block, kinds in _TYPES_OF_BLOCK.items() for kind in kinds}

Number = int | float | bool


@dataclass(frozen=True)
class Listed:
    """A list value: its length, and its numbers if it is a short list of numbers."""

    count: int
    is_text: bool
    numbers: tuple[Number, ...] = ()


Value = Number | str | Listed
Shape = tuple[int, ...]  # innermost dimension first


@dataclass(frozen=True)
class Contents:
    values: Mapping[str, Value]
    shapes: Mapping[str, Shape]  # by tensor name
    size_bytes: int


class BrokenModelFile(InvalidInput):
    """A file that claims to be a model and cannot be one."""

    code = "broken_model_file"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The model file is not usable: {what}. Fetch it again, or choose another GGUF file.", param="model"
        )


def read_contents(file: BufferedReader) -> Contents:
    """From the start of `file`. Raises BrokenModelFile (what is wrong, without the path) and OSError."""
    size = file.seek(0, 2)
    file.seek(0)
    cursor = _Cursor(file, size)
    tensor_count, key_count = _read_preamble(cursor)
    values = _read_values(cursor, key_count)
    shapes = _read_tensors(cursor, tensor_count, _alignment(values))
    return Contents(values, shapes, size)


class _Cursor:
    """Reads forward; asks for more than is there are refused before anything is allocated."""

    def __init__(self, file: BufferedReader, size_bytes: int) -> None:
        self._file = file
        self.size_bytes = size_bytes
        self._end = min(size_bytes, MAX_HEADER_BYTES)
        self._texts_left = MAX_LISTED_TEXTS
        self.at = 0

    def take(self, count: int) -> bytes:
        self._advance(count)
        data = self._file.read(count)
        if len(data) != count:
            raise BrokenModelFile("it became shorter while it was read")
        return data

    def skip(self, count: int) -> None:
        self._advance(count)
        self._file.seek(count, 1)

    def number(self, code: str) -> Number:
        value: Number = struct.unpack(code, self.take(struct.calcsize(code)))[0]
        return value

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def text(self, limit: int, what: str) -> str:
        length = self.u64()
        if length > limit:
            raise BrokenModelFile(f"{what} claims {length} bytes, at most {limit} are sensible")
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            raise BrokenModelFile(f"{what} is not UTF-8") from None

    def skip_texts(self, count: int) -> None:
        self._texts_left -= count
        if self._texts_left < 0:
            raise BrokenModelFile(f"its lists claim more than {MAX_LISTED_TEXTS} strings")
        for _ in range(count):
            self.skip(self.u64())

    def _advance(self, count: int) -> None:
        if count > self._end - self.at:
            is_cut = self._end == self.size_bytes
            raise BrokenModelFile(
                "it ends inside its header" if is_cut else f"its header is longer than {MAX_HEADER_BYTES >> 20} MiB"
            )
        self.at += count


def _read_preamble(cursor: _Cursor) -> tuple[int, int]:
    """Numbers of tensors and of keys."""
    if cursor.size_bytes < 24 or cursor.take(4) != b"GGUF":
        raise BrokenModelFile("it is not a GGUF file")
    version = cursor.u32()
    if version not in (2, 3):
        is_swapped = version.to_bytes(4, "big") in (b"\x02\0\0\0", b"\x03\0\0\0")
        raise BrokenModelFile("it is big-endian" if is_swapped else f"GGUF version {version} is not known, 2 and 3 are")
    tensors, keys = cursor.u64(), cursor.u64()
    if not 1 <= tensors <= MAX_TENSORS:
        raise BrokenModelFile(f"it claims {tensors} tensors, 1 to {MAX_TENSORS} are sensible")
    if not 1 <= keys <= MAX_KEYS:
        raise BrokenModelFile(f"it claims {keys} metadata keys, 1 to {MAX_KEYS} are sensible")
    return tensors, keys


def _read_values(cursor: _Cursor, count: int) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for _ in range(count):
        key = cursor.text(MAX_KEY_BYTES, "a metadata key")
        if not key or key in values:
            raise BrokenModelFile("a metadata key is empty or there twice")
        values[key] = _read_value(cursor, key)
    return values


def _read_value(cursor: _Cursor, key: str) -> Value:
    kind = cursor.u32()
    if kind == _TEXT:
        return cursor.text(MAX_TEXT_BYTES, f"{key!r}")
    if kind == _LIST:
        return _read_list(cursor, key)
    if kind not in _NUMBERS:
        raise BrokenModelFile(f"{key!r} has the unknown type {kind}")
    return cursor.number(_NUMBERS[kind])


def _read_list(cursor: _Cursor, key: str) -> Listed:
    kind, count = cursor.u32(), cursor.u64()
    if kind == _TEXT:
        cursor.skip_texts(count)
        return Listed(count, is_text=True)
    if kind not in _NUMBERS:  # lists of lists are in the format, but no engine reads them
        raise BrokenModelFile(f"{key!r} is a list of the unknown type {kind}")
    if count <= MAX_KEPT_NUMBERS:
        return Listed(count, is_text=False, numbers=tuple(cursor.number(_NUMBERS[kind]) for _ in range(count)))
    cursor.skip(count * struct.calcsize(_NUMBERS[kind]))
    return Listed(count, is_text=False)


def _alignment(values: Mapping[str, Value]) -> int:
    alignment = values.get("general.alignment", DEFAULT_ALIGNMENT)
    if type(alignment) is not int or not 1 <= alignment <= MAX_ALIGNMENT or alignment & (alignment - 1):
        raise BrokenModelFile("its alignment is not a power of two")
    return alignment


def _read_tensors(cursor: _Cursor, count: int, alignment: int) -> dict[str, Shape]:
    """Dimensions by name. The weights must follow each other without gap or overlap and end within the file."""
    shapes: dict[str, Shape] = {}
    expected = 0
    for _ in range(count):
        name = cursor.text(MAX_TENSOR_NAME_BYTES, "a tensor's name")
        if not name or name in shapes:
            raise BrokenModelFile("a tensor's name is empty or there twice")
        shapes[name] = _read_shape(cursor, name)
        size = _tensor_bytes(shapes[name], cursor.u32(), name)
        if cursor.u64() != expected:
            raise BrokenModelFile(f"tensor {name!r} does not start where the one before ends")
        end = expected + size
        expected = _aligned(end, alignment)
    missing = _aligned(cursor.at, alignment) + end - cursor.size_bytes
    if missing > 0:
        raise BrokenModelFile(f"its weights end {missing} bytes after the file does; it was not copied completely")
    return shapes


def _read_shape(cursor: _Cursor, name: str) -> Shape:
    count = cursor.u32()
    if not 1 <= count <= MAX_DIMENSIONS:
        raise BrokenModelFile(f"tensor {name!r} claims {count} dimensions")
    shape = tuple(cursor.u64() for _ in range(count))
    if min(shape) < 1 or math.prod(shape) >= 2**63:
        raise BrokenModelFile(f"tensor {name!r} has impossible dimensions")
    return shape


def _tensor_bytes(shape: Shape, kind: int, name: str) -> int:
    if kind not in BLOCKS:
        raise BrokenModelFile(f"tensor {name!r} has the unknown type {kind}")
    elements, block_bytes = BLOCKS[kind]
    if shape[0] % elements:
        raise BrokenModelFile(f"tensor {name!r} has rows that are no whole number of blocks")
    return math.prod(shape) // elements * block_bytes


def _aligned(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment
