"""From documents' blocks to items, and from items to portions that are embedded and written together. Pure.

Only a bounded part of a text is in memory.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from llmanager.vdb.entities import Block, Chunking, Item
from llmanager.vdb.ingested import short
from llmanager.vdb.ports import Splitter

WINDOW_CHARACTERS: Final = 16 * 1024  # of text cut at once, at least
WINDOW_CHUNKS: Final = 8  # and at least so many of the largest
KEPT_BLANKS: Final = 4  # behind the last chunk of a window
MARKDOWN: Final = (".md", ".markdown")
PORTION_ITEMS: Final = 128
PORTION_CHARACTERS: Final = 2 * 1024 * 1024


@dataclass(frozen=True)
class Ended:
    """A document was read to its end, or as far as that went."""

    name: str
    chunks: int
    digest: str = ""
    failure: str | None = None  # for people


@dataclass(frozen=True)
class Portion:
    items: tuple[Item, ...]
    ended: tuple[Ended, ...] = ()  # of these all items are in this portion or earlier ones


def portions(entries: Iterable[Item | Ended]) -> Iterator[Portion]:
    items: list[Item] = []
    ended: list[Ended] = []
    characters = 0
    for entry in entries:
        if isinstance(entry, Ended):
            ended.append(entry)
            is_full = len(ended) >= PORTION_ITEMS
        else:
            is_full = len(items) >= PORTION_ITEMS or characters + len(entry.text) > PORTION_CHARACTERS
        if is_full and (items or ended):
            yield Portion(tuple(items), tuple(ended))
            items, ended, characters = [], [], 0
        if isinstance(entry, Item):
            items.append(entry)
            characters += len(entry.text)
    if items or ended:
        yield Portion(tuple(items), tuple(ended))


def chunks(name: str, blocks: Iterable[Block], chunking: Chunking, splitter: Splitter) -> Iterator[Item]:
    """In the order of the text, ids `NAME#NNNNNN` from 0, metadata of the block and {"chunk": n}.

    Deterministic: the same blocks give the same items, so that what was done of them can be found again.
    """
    is_markdown = name.lower().endswith(MARKDOWN)
    for number, (text, block) in enumerate(_texts(blocks, chunking, splitter, is_markdown)):
        yield Item(chunk_id(name, number), text, {**block.metadata, "chunk": number}, source=name)


def chunk_id(name: str, number: int) -> str:
    return f"{short(name)}#{number:06}"


def chunk_ids(name: str, start: int, stop: int) -> Iterator[str]:
    return (chunk_id(name, number) for number in range(start, stop))


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
                text = _from(last, text)
    yield from ((chunk, of) for chunk in splitter.split(text, chunking, is_markdown=is_markdown))


def _pieces(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


def _from(last: str, text: str) -> str:
    """The last chunk and a little of what follows it, which can only be blank: a file of blanks shall not pile up."""
    start = text.rfind(last) if last else len(text)
    return text[start : start + len(last) + KEPT_BLANKS]
