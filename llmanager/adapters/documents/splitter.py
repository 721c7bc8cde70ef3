"""Texts cut into chunks, at the best border that fits.

Our own, because it runs in the server on texts of strangers: every step looks at one chunk's characters a bounded
number of times. semantic-text-splitter 0.33 took 45 s for 32 KiB of line feeds (Markdown) and 4 ms a chunk for Chinese.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from llmanager.vdb.entities import Chunking, Strategy

Borders = re.Pattern[str]

HEADING: Final = re.compile(r"\n(?=#{1,6} )")
PARAGRAPH: Final = re.compile(r"\n[ \t]*\n")
LINE: Final = re.compile(r"\n")
SENTENCE: Final = re.compile(  # a full stop that ends an abbreviation or an initial ends no sentence
    r"(?<=[.!?…])(?<!\b[A-Z]\.)(?<!\b[A-Z][a-z]\.)(?<!\bMrs\.)(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bvs\.)(?<!\betc\.)"
    r"[\"'”’»)\]]{0,3}\s+|(?<=[。！？])|\n[ \t]*\n"
)
WORD: Final = re.compile(r"\s+")

RECURSIVE: Final = (PARAGRAPH, LINE, SENTENCE, WORD)
MARKDOWN: Final = (HEADING, *RECURSIVE)


class BorderSplitter:
    def split(self, text: str, chunking: Chunking, *, is_markdown: bool = False) -> Sequence[str]:
        """Every character that is not blank is in a chunk; no chunk is longer than `chunking.size`."""
        if chunking.strategy is Strategy.FIXED:
            return [piece for piece in _windows(text, chunking) if piece.strip()]
        text = text.rstrip()
        if chunking.strategy is Strategy.SENTENCE:
            spans = _whole_sentences(text, chunking)
        else:
            spans = _recursive(text, chunking, MARKDOWN if is_markdown else RECURSIVE)
        return [chunk for start, end in spans if (chunk := text[start:end].strip())]


def _recursive(text: str, chunking: Chunking, borders: Sequence[Borders]) -> Iterator[tuple[int, int]]:
    start = 0
    while len(text) - start > chunking.size:
        least = start + chunking.overlap + (chunking.size - chunking.overlap) // 2  # so that every chunk gets on
        end = _cut(text, least, start + chunking.size, borders)
        yield start, end
        start = _first(WORD, text, end - chunking.overlap, end) or end - chunking.overlap
    yield start, len(text)


def _cut(text: str, least: int, most: int, borders: Sequence[Borders]) -> int:
    """Behind the last border of the strongest kind there is between the two, else at `most`.

    A border may begin at `most`: the blanks it is made of are no part of the chunk.
    """
    for border in borders:
        ends = [found.end() for found in border.finditer(text, least, most + 1) if found.start() <= most]
        if ends and ends[-1] > least:
            return ends[-1]
    return most


def _first(border: Borders, text: str, start: int, end: int) -> int | None:
    found = border.search(text, start, end)
    return found.end() if found else None


def _whole_sentences(text: str, chunking: Chunking) -> Iterator[tuple[int, int]]:
    """As many as fit, repeating those at the end of the last chunk that fit both the overlap and beside the next."""
    first = last = 0  # of the chunk, in `sentences`
    sentences = list(_sentences(text, chunking.size))
    while last < len(sentences):
        start = sentences[first][0]
        while last < len(sentences) and sentences[last][1] - start <= chunking.size:
            last += 1
        end = sentences[last - 1][1]
        yield start, end
        if last == len(sentences):
            return
        earliest = max(end - chunking.overlap, sentences[last][1] - chunking.size)
        first = last
        while sentences[first - 1][0] >= earliest:
            first -= 1


def _sentences(text: str, size: int) -> Iterator[tuple[int, int]]:
    """Without the blanks behind them. One that is longer than a chunk is cut between words, or anywhere."""
    start = 0
    for end in (*(border.end() for border in SENTENCE.finditer(text)), len(text)):
        while len(text[start:end].rstrip()) > size:
            cut = _cut(text, start, start + size, (WORD,))
            yield start, start + len(text[start:cut].rstrip())
            start = cut
        if end > start:
            yield start, start + len(text[start:end].rstrip())
            start = end


def _windows(text: str, chunking: Chunking) -> Iterator[str]:
    """Of exactly `size` characters, but for the last."""
    step = chunking.size - chunking.overlap
    for start in range(0, max(1, len(text) - chunking.overlap), step):
        yield text[start : start + chunking.size]
