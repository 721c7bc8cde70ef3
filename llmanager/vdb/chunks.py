"""From a document's blocks to the items of a collection, a bounded part of the text in memory. Pure."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

from llmanager.vdb.entities import MAX_ID_BYTES, Block, Chunking, Item
from llmanager.vdb.ports import Splitter

WINDOW_CHARACTERS: Final = 16 * 1024  # of text cut at once, at least
WINDOW_CHUNKS: Final = 8  # and at least so many of the largest
KEPT_BLANKS: Final = 4  # behind the last chunk of a window
MAX_PREFIX_BYTES: Final = MAX_ID_BYTES - 64
MARKDOWN: Final = (".md", ".markdown")


def chunks(name: str, blocks: Iterable[Block], chunking: Chunking, splitter: Splitter) -> Iterator[Item]:
    """In the order of the text, ids `NAME#NNNNNN` from 0, metadata of the block and {"chunk": n}.

    Deterministic: the same blocks give the same items, so that what was done of them can be found again.
    """
    prefix = id_prefix(name)
    is_markdown = name.lower().endswith(MARKDOWN)
    for number, (text, block) in enumerate(_texts(blocks, chunking, splitter, is_markdown)):
        yield Item(chunk_id(prefix, number), text, {**block.metadata, "chunk": number}, source=name)


def chunk_ids(name: str, first: int, behind: int) -> Iterator[str]:
    prefix = id_prefix(name)
    return (chunk_id(prefix, number) for number in range(first, behind))


def chunk_id(prefix: str, number: int) -> str:
    return f"{prefix}#{number:06}"


def id_prefix(name: str) -> str:
    """The name, or of a long one its beginning and its digest."""
    data = name.encode()
    if len(data) <= MAX_PREFIX_BYTES:
        return name
    return f"{data[: MAX_PREFIX_BYTES - 40].decode(errors='ignore')}~{hashlib.sha256(data).hexdigest()[:32]}"


def _texts(
    blocks: Iterable[Block], chunking: Chunking, splitter: Splitter, is_markdown: bool
) -> Iterator[tuple[str, Block]]:
    """Chunks with the block they are of. What a window's last chunk holds is cut again with the text behind it, so that
    borders do not show where windows or blocks end.
    """
    window = max(WINDOW_CHARACTERS, WINDOW_CHUNKS * chunking.size)
    text, of = "", Block("")
    for block in blocks:
        if block.is_record or of.is_record or block.metadata != of.metadata:
            yield from ((chunk, of) for chunk in splitter.split(text, chunking, is_markdown=is_markdown))
            text, of = "", block
        for piece in _pieces(block.text, window):
            text += piece
            if len(text) >= window:
                *whole, last = splitter.split(text, chunking, is_markdown=is_markdown) or [""]
                yield from ((chunk, of) for chunk in whole)
                text = _behind(text, last)
    yield from ((chunk, of) for chunk in splitter.split(text, chunking, is_markdown=is_markdown))


def _pieces(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


def _behind(text: str, last: str) -> str:
    """The last chunk and a little of what follows it, which can only be blank: a file of blanks shall not pile up."""
    start = text.rfind(last) if last else len(text)
    return text[start : start + len(last) + KEPT_BLANKS]
