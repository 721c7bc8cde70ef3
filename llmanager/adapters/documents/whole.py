"""What formats have in common that must be there whole before their first word can be read."""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from llmanager.adapters.documents.limits import BLOCK_CHARACTERS, MIB, Limits, Refused
from llmanager.vdb.entities import Block


def check_size(source: BinaryIO, limits: Limits) -> None:
    size = source.seek(0, 2)
    source.seek(0)
    if size > limits.whole_bytes:
        raise Refused(f"Of its format at most {limits.whole_bytes // MIB} MiB are read; it has more. Split it.")


def cut(text: str, metadata: Mapping[str, int]) -> Iterator[Block]:
    for start in range(0, len(text), BLOCK_CHARACTERS):
        yield Block(text[start : start + BLOCK_CHARACTERS], metadata)
