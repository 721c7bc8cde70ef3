"""Our own reading of a GGUF header, done before any engine sees the file.

Engines trust what a file claims. Here the format is checked by gguf_format.py, and what the engine and our memory plan
rely on by this file. Only the header is read, never the weights.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from llmanager.adapters.local.gguf_format import (
    MAX_KEPT_NUMBERS,
    BrokenModelFile,
    Contents,
    Listed,
    Value,
    read_contents,
)

__all__ = ["BrokenModelFile", "GGUFHeader", "kv_bytes_per_token", "read_header"]

MAX_BLOCKS: Final = MAX_KEPT_NUMBERS
MAX_NUMBER: Final = 2**31 - 1  # engines keep contexts, widths and counts in a signed 32-bit integer

_POOLINGS: Final = {0: "none", 1: "mean", 2: "cls", 3: "last", 4: "rank"}
_CHAT_NEEDS: Final = ("feed_forward_length", "attention.head_count", "attention.layer_norm_rms_epsilon")
_ENCODER_NEEDS: Final = ("feed_forward_length", "attention.head_count", "attention.layer_norm_epsilon")
_NEEDS: Final = {
    "llama": _CHAT_NEEDS,
    "qwen2": _CHAT_NEEDS,
    "qwen3": _CHAT_NEEDS,
    "bert": _ENCODER_NEEDS,
    "nomic-bert": _ENCODER_NEEDS,
}
_ENCODERS: Final = frozenset({"bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "modern-bert"})


@dataclass(frozen=True)
class GGUFHeader:
    architecture: str  # "llama", "qwen2", "bert", …
    name: str
    file_size_bytes: int
    context_length: int  # tokens it was trained for
    embedding_length: int
    block_count: int
    head_count: int  # of the first block; 0: no attention
    head_count_kv: tuple[int, ...]  # one a block
    key_length: int  # width of one head's key
    value_length: int
    vocab_size: int
    has_chat_template: bool
    pooling: str | None  # how token vectors become one: "mean", "cls", "last", "rank", "none"; None: not said
    tensor_count: int
    parameters: int

    @property
    def is_encoder(self) -> bool:
        """It can embed, but not chat."""
        return self.architecture in _ENCODERS


def kv_bytes_per_token(header: GGUFHeader) -> int:
    """What one token of context takes with 16-bit keys and values; windowed attention may take less."""
    if header.is_encoder:
        return 0
    return 2 * sum(header.head_count_kv) * (header.key_length + header.value_length)


def read_header(path: Path) -> GGUFHeader:
    """Raises BrokenModelFile (what is wrong, without the path) and OSError."""
    with path.open("rb") as file:
        return _interpret(read_contents(file))


def _interpret(contents: Contents) -> GGUFHeader:
    values, shapes = contents.values, contents.shapes
    architecture = _architecture(values)
    for need in _NEEDS.get(architecture, ()):
        if f"{architecture}.{need}" not in values:
            raise BrokenModelFile(f"'{architecture}.{need}' is missing")
    width = _whole(values, f"{architecture}.embedding_length", minimum=1)
    blocks = _whole(values, f"{architecture}.block_count", minimum=1, maximum=MAX_BLOCKS)
    heads = _per_block(values, f"{architecture}.attention.head_count", blocks, (0,) * blocks)
    head_width = width // heads[0] if heads[0] else 0
    vocabulary = _vocabulary(values)
    if shapes.get("token_embd.weight") != (width, vocabulary):
        raise BrokenModelFile("its token embedding does not have one row for each token")
    pooling = f"{architecture}.pooling_type"
    return GGUFHeader(
        architecture=architecture,
        name=_text(values, "general.name"),
        file_size_bytes=contents.size_bytes,
        context_length=_whole(values, f"{architecture}.context_length", minimum=1),
        embedding_length=width,
        block_count=blocks,
        head_count=heads[0],
        head_count_kv=_per_block(values, f"{architecture}.attention.head_count_kv", blocks, heads),
        key_length=_whole(values, f"{architecture}.attention.key_length", default=head_width),
        value_length=_whole(values, f"{architecture}.attention.value_length", default=head_width),
        vocab_size=vocabulary,
        has_chat_template=bool(_text(values, "tokenizer.chat_template")),
        pooling=_POOLINGS.get(_whole(values, pooling)) if pooling in values else None,
        tensor_count=len(shapes),
        parameters=sum(math.prod(shape) for shape in shapes.values()),
    )


def _architecture(values: Mapping[str, Value]) -> str:
    architecture = _text(values, "general.architecture")
    if not architecture:
        raise BrokenModelFile("'general.architecture' is missing")
    if _text(values, "general.type") not in ("", "model"):
        raise BrokenModelFile("it holds an adapter or a projector, not a whole model")
    if _whole(values, "split.count", default=0) > 1:
        raise BrokenModelFile("it is one part of several; only models in one file are supported")
    return architecture


def _vocabulary(values: Mapping[str, Value]) -> int:
    tokens = values.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, Listed) or not tokens.is_text or not tokens.count:
        raise BrokenModelFile("it has no vocabulary")
    if not _text(values, "tokenizer.ggml.model"):
        raise BrokenModelFile("'tokenizer.ggml.model' is missing")
    return tokens.count


def _text(values: Mapping[str, Value], key: str) -> str:
    value = values.get(key, "")
    if not isinstance(value, str):
        raise BrokenModelFile(f"{key!r} is not text")
    return value


def _whole(
    values: Mapping[str, Value], key: str, *, minimum: int = 0, maximum: int = MAX_NUMBER, default: int | None = None
) -> int:
    value = values.get(key, default)
    if value is None:
        raise BrokenModelFile(f"{key!r} is missing")
    if type(value) is not int or not minimum <= value <= maximum:
        raise BrokenModelFile(f"{key!r} is not a whole number from {minimum} to {maximum}")
    return value


def _per_block(values: Mapping[str, Value], key: str, blocks: int, default: tuple[int, ...]) -> tuple[int, ...]:
    value = values.get(key)
    if value is None:
        return default
    if not isinstance(value, Listed):
        return (_whole(values, key),) * blocks
    counts = tuple(number for number in value.numbers if type(number) is int and 0 <= number <= MAX_NUMBER)
    if len(counts) != value.count or len(counts) != blocks:
        raise BrokenModelFile(f"{key!r} does not give one whole number for each of {blocks} blocks")
    return counts
