"""What our reader of GGUF headers lets through, and that nothing a file claims can hurt it."""

import contextlib
import struct
import time
import tracemalloc
from pathlib import Path

import gguf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmanager.adapters.local.gguf_format import BLOCKS
from llmanager.adapters.local.gguf_header import BrokenModelFile, kv_bytes_per_token, read_header
from tests.fakes.tiny_gguf import write_tiny_chat, write_tiny_embedding

TEXT, LIST, U32, U64, F32, BOOL = 8, 9, 4, 10, 6, 7
Tensor = tuple[str, tuple[int, ...], int, int]  # name, dimensions, type, offset


def text(value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def u32(value: int) -> bytes:
    return struct.pack("<II", U32, value)


def texts(*values: str) -> bytes:
    return struct.pack("<IIQ", LIST, TEXT, len(values)) + b"".join(map(text, values))


def numbers(*values: int) -> bytes:
    return struct.pack("<IIQ", LIST, U32, len(values)) + b"".join(struct.pack("<I", value) for value in values)


GOOD_VALUES = {
    "general.architecture": struct.pack("<I", TEXT) + text("starcoder"),
    "starcoder.context_length": u32(128),
    "starcoder.embedding_length": u32(8),
    "starcoder.block_count": u32(2),
    "starcoder.attention.head_count": u32(2),
    "tokenizer.ggml.model": struct.pack("<I", TEXT) + text("gpt2"),
    "tokenizer.ggml.tokens": texts("a", "b", "c"),
}
GOOD_TENSORS: tuple[Tensor, ...] = (("token_embd.weight", (8, 3), 0, 0), ("output_norm.weight", (8,), 0, 96))


def write(
    path: Path,
    values: dict[str, bytes] | None = None,
    tensors: tuple[Tensor, ...] = GOOD_TENSORS,
    *,
    magic: bytes = b"GGUF",
    version: int = 3,
    counts: tuple[int, int] | None = None,
    data_bytes: int = 128,
    extra: bytes = b"",
) -> Path:
    """A GGUF file by hand: `values` replace the good ones, b"" leaves one out, `extra` follows the last value."""
    kept = {key: value for key, value in (GOOD_VALUES | (values or {})).items() if value}
    tensor_count, key_count = counts or (len(tensors), len(kept))
    head = magic + struct.pack("<IQQ", version, tensor_count, key_count)
    head += b"".join(text(key) + value for key, value in kept.items()) + extra
    for name, shape, kind, offset in tensors:
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
    path.write_bytes(head + b"\0" * (-len(head) % 32) + b"\0" * data_bytes)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "model.gguf"


def test_it_reads_what_a_plan_needs_from_a_chat_model(file: Path):
    write_tiny_chat(file)

    header = read_header(file)

    assert (header.architecture, header.name, header.vocab_size) == ("llama", "tiny-chat", 260)
    assert (header.context_length, header.embedding_length, header.block_count) == (2048, 32, 1)
    assert (header.head_count, header.head_count_kv, header.key_length, header.value_length) == (2, (1,), 16, 16)
    assert header.has_chat_template
    assert header.pooling is None
    assert not header.is_encoder
    assert header.file_size_bytes == file.stat().st_size
    assert (header.tensor_count, header.parameters) == (11, 260 * 32 + 3 * 32 + 2 * 32 * 32 + 2 * 16 * 32 + 3 * 64 * 32)
    assert kv_bytes_per_token(header) == 2 * (16 + 16)


def test_an_encoder_keeps_no_keys_and_values_between_tokens(file: Path):
    write_tiny_embedding(file)

    header = read_header(file)

    assert (header.architecture, header.pooling, header.embedding_length) == ("bert", "mean", 32)
    assert header.is_encoder
    assert kv_bytes_per_token(header) == 0


def test_keys_and_values_are_counted_block_by_block(file: Path):
    header = read_header(
        write(
            file,
            {
                "starcoder.attention.head_count_kv": numbers(2, 0),
                "starcoder.attention.key_length": u32(6),
                "starcoder.attention.value_length": u32(5),
            },
        )
    )

    assert kv_bytes_per_token(header) == 2 * 2 * (6 + 5)


def test_version_2_is_read_too(file: Path):
    assert read_header(write(file, version=2)).architecture == "starcoder"


def test_block_sizes_are_those_of_ggml():
    assert {int(kind): size for kind, size in gguf.GGML_QUANT_SIZES.items()} == BLOCKS


TOO_MANY = 2**60
BROKEN = {
    "not GGUF": ({"magic": b"GGML"}, "not a GGUF file"),
    "version 1": ({"version": 1}, "version 1 is not known"),
    "big-endian": ({"version": 0x03000000}, "big-endian"),
    "no tensors": ({"counts": (0, 7)}, "claims 0 tensors"),
    "countless tensors": ({"counts": (TOO_MANY, 7)}, "tensors, 1 to"),
    "countless keys": ({"counts": (2, TOO_MANY)}, "metadata keys"),
    "a key of 2^60 bytes": ({"counts": (2, 8), "extra": struct.pack("<Q", TOO_MANY)}, "a metadata key claims"),
    "a text of 2^60 bytes": ({"values": {"x": struct.pack("<IQ", TEXT, TOO_MANY)}}, "'x' claims"),
    "a text that is not UTF-8": ({"values": {"x": struct.pack("<I", TEXT) + text(b"\xff")}}, "not UTF-8"),
    "a list of 2^60 numbers": ({"values": {"x": struct.pack("<IIQ", LIST, U64, TOO_MANY)}}, "ends inside"),
    "a list of 2^60 texts": ({"values": {"x": struct.pack("<IIQ", LIST, TEXT, TOO_MANY)}}, "strings"),
    "a list of lists": ({"values": {"x": struct.pack("<IIQ", LIST, LIST, 1)}}, "list of the unknown type 9"),
    "an unknown type": ({"values": {"x": struct.pack("<I", 77)}}, "unknown type 77"),
    "a key twice": ({"counts": (2, 8), "extra": text("general.architecture") + u32(1)}, "there twice"),
    "an odd alignment": ({"values": {"general.alignment": u32(33)}}, "power of two"),
    "no alignment": ({"values": {"general.alignment": u32(0)}}, "power of two"),
    "no architecture": ({"values": {"general.architecture": b""}}, "'general.architecture' is missing"),
    "an architecture that is a number": ({"values": {"general.architecture": u32(1)}}, "is not text"),
    "an adapter": ({"values": {"general.type": struct.pack("<I", TEXT) + text("adapter")}}, "adapter"),
    "one part of several": ({"values": {"split.count": u32(3)}}, "one part of several"),
    "no context length": ({"values": {"starcoder.context_length": b""}}, "context_length' is missing"),
    "a context of 0 tokens": ({"values": {"starcoder.context_length": u32(0)}}, "whole number from 1"),
    "too many blocks": ({"values": {"starcoder.block_count": u32(100_000)}}, "from 1 to 1024"),
    "a length that is true": ({"values": {"starcoder.context_length": struct.pack("<I?", BOOL, True)}}, "whole number"),
    "heads for another depth": (
        {"values": {"starcoder.attention.head_count_kv": numbers(1, 1, 1)}},
        "each of 2 blocks",
    ),
    "no vocabulary": ({"values": {"tokenizer.ggml.tokens": b""}}, "no vocabulary"),
    "no tokenizer": ({"values": {"tokenizer.ggml.model": b""}}, "tokenizer.ggml.model"),
    "a vocabulary larger than the embedding": (
        {"values": {"tokenizer.ggml.tokens": texts("a", "b", "c", "d")}},
        "one row for each token",
    ),
    "a tensor twice": ({"tensors": (GOOD_TENSORS[0], GOOD_TENSORS[0])}, "there twice"),
    "a tensor of 0 elements": ({"tensors": (("t", (8, 0), 0, 0),)}, "impossible dimensions"),
    "dimensions that overflow": ({"tensors": (("t", (2**32, 2**32), 0, 0),)}, "impossible dimensions"),
    "five dimensions": ({"tensors": (("t", (1, 1, 1, 1, 1), 0, 0),)}, "claims 5 dimensions"),
    "an unknown tensor type": ({"tensors": (("t", (8,), 4, 0),)}, "unknown type 4"),
    "half a block": ({"tensors": (("t", (33, 2), 8, 0),)}, "whole number of blocks"),
    "tensors that overlap": ({"tensors": (GOOD_TENSORS[0], ("t", (8,), 0, 64))}, "where the one before ends"),
    "weights beyond the file": ({"data_bytes": 127}, "end 1 bytes after the file does"),
    "a huge tensor": ({"tensors": (("t", (2**40, 2**20), 0, 0),)}, "after the file does"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_is_said_without_the_path(case: str, file: Path):
    how, what = BROKEN[case]
    write(file, **how)

    with pytest.raises(BrokenModelFile, match=what) as raised:
        read_header(file)

    assert str(file.parent) not in str(raised.value)
    assert raised.value.code == "broken_model_file"


def test_what_an_engine_needs_of_a_known_architecture_is_asked_for(file: Path):
    as_llama = {key.replace("starcoder", "llama"): value for key, value in GOOD_VALUES.items() if value}
    dropped = dict.fromkeys((key for key in GOOD_VALUES if key.startswith("starcoder")), b"")
    as_llama["general.architecture"] = struct.pack("<I", TEXT) + text("llama")
    write(file, dropped | as_llama)

    with pytest.raises(BrokenModelFile, match=r"'llama.feed_forward_length' is missing"):
        read_header(file)


def test_a_claimed_list_of_2_to_the_60_takes_no_memory(file: Path):
    write(file, {"x": struct.pack("<IIQ", LIST, U64, TOO_MANY)})
    tracemalloc.start()
    with pytest.raises(BrokenModelFile):
        read_header(file)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < 1_000_000


def test_a_vocabulary_larger_than_any_in_use_is_read_in_bounded_time(file: Path):
    count = 500_000
    tokens = struct.pack("<IIQ", LIST, TEXT, count) + text("t") * count
    write(file, {"tokenizer.ggml.tokens": tokens}, (("token_embd.weight", (8, count), 0, 0),), data_bytes=32 * count)
    started = time.monotonic()

    assert read_header(file).vocab_size == count
    assert time.monotonic() - started < 5


def parses_or_is_refused(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    started = time.monotonic()
    with contextlib.suppress(BrokenModelFile):
        read_header(file)
    assert time.monotonic() - started < 1


def header_end(data: bytes) -> int:
    return data.rindex(b"blk.0.ffn_down.weight") + 64


def test_every_truncation_is_refused(tmp_path: Path, file: Path):
    write(file)
    data = file.read_bytes()
    for length in range(len(data)):
        file.write_bytes(data[:length])
        with pytest.raises(BrokenModelFile):
            read_header(file)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path]:
    folder = tmp_path_factory.mktemp("gguf")
    write_tiny_chat(folder / "real.gguf")
    return (folder / "real.gguf").read_bytes(), folder / "mutated.gguf"


EDGES = [0, 1, 2**7, 2**8 - 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**60, 2**63 - 1, 2**63, 2**64 - 1]


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_mutated_headers_parse_or_are_refused(real: tuple[bytes, Path], data: st.DataObject):
    """Bits flipped, numbers replaced by edge values, bytes cut out or doubled: never another error, never slow."""
    original, file = real
    mutated = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, header_end(original)))
        match data.draw(st.sampled_from(["byte", "u32", "u64", "cut", "double"])):
            case "byte":
                mutated[at] = data.draw(st.integers(0, 255))
            case "u32":
                mutated[at : at + 4] = struct.pack("<I", data.draw(st.sampled_from(EDGES)) % 2**32)
            case "u64":
                mutated[at : at + 8] = struct.pack("<Q", data.draw(st.sampled_from(EDGES)))
            case "cut":
                del mutated[at : at + data.draw(st.integers(1, 16))]
            case "double":
                mutated[at:at] = mutated[at : at + data.draw(st.integers(1, 16))]
    parses_or_is_refused(file, bytes(mutated))


def test_every_single_byte_of_a_small_header_may_be_anything(file: Path, tmp_path: Path):
    write(file)
    data = file.read_bytes()
    mutant = tmp_path / "mutant.gguf"
    for at in range(len(data) - 128):
        for value in (0, data[at] ^ 1, data[at] ^ 0x80, 0xFF):
            parses_or_is_refused(mutant, data[:at] + bytes([value]) + data[at + 1 :])
