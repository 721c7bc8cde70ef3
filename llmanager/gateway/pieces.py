"""What a text says, in pieces that can be quoted: rows of its words, and its numbers. Pure.

A piece has no signs around it. What was said that way may have a dot or an `'s` at its end, and is offered without too.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

LONGEST: Final = 14  # words of a row
SHORTEST_WORTH: Final = 3  # where even such rows are too many, there are none
MAX_PIECES: Final = 6_000  # in all places they are put in: a grammar of more is slow
MAX_CHARS: Final = 600_000  # of the rows in all these places, where each word ends in one way
MAX_DIGITS: Final = 15  # of a number: a double holds no more
MAX_SIGNS: Final = 32  # taken off around a row: a text of nothing else is soon done with

_WORD = re.compile(r"\S+")
_LINE_ENDS = re.compile(r"[^\S\r\n]*(?:[\r\n]|\Z)")
_STOPS, _STOPS_BUT_DOT = ".,;:!?", ",;:!?"
_ENDS_IN_DOT = re.compile(r"\w\.\Z")
_SOMEONES = re.compile(r"(?<=\w)['’]s\Z")

_QUOTES = str.maketrans({**dict.fromkeys("“”„«»", '"'), **dict.fromkeys("‘’‚‹›", "'")})
_PATHS = re.compile(  # `*.py`, `src/*`, `..`: no signs around a word
    r"(?<!\*)\*++[./\\]\**+|(?<=[/\\])\*++|(?<!\S)\.\.(?!\S)"
)
_OPENING, _CLOSING = "\"'([{<`*", "\"')]}>`*"
_CLOSES = {"(": ")", "[": "]", "{": "}", "<": ">"}  # other signs close themselves
_BEFORE, _AFTER = re.escape(_OPENING), re.escape(_CLOSING + _STOPS)
_SIGN = re.compile(
    rf"""(?P<opening>[(\[{{<]|(?<![^\s{_BEFORE}])["'`*](?=\S))|(?P<closing>[)\]}}>]|(?<=\S)["'`*](?![^\s{_AFTER}]))"""
)
_NUMBER = re.compile(
    r"""(?:(?<![^\s"'“”„‘’«»(\[{<`=:,])[-−])?"""  # elsewhere it is a dash, as in 3-5
    r"(?:\d{1,3}(?:,\d{3}(?!\d))+|\d+)(?:\.\d+)*"
)


@dataclass(frozen=True)
class Pieces:
    texts: list[str]
    numbers: list[int | float]


def pieces(said: str, places: int) -> Pieces:
    """Each once, in the order of the text; fewer or none where `places` times as many were too much."""
    if places * _chars(said, SHORTEST_WORTH) > MAX_CHARS:
        return Pieces([], [])
    numbers = list(dict.fromkeys(_numbers(said)))
    return Pieces(_rows(said, places), numbers if places * len(numbers) <= MAX_PIECES else [])


def _chars(said: str, longest: int) -> int:
    """Of all rows of up to so many words: each word is in one of one word, in two of two, and so on."""
    return len(said) * longest * (longest + 1) // 2


def _rows(said: str, places: int) -> list[str]:
    words = [word.span() for word in _WORD.finditer(said)]
    text = _Text(said)
    ends = sum(len(text.readings(*word)) for word in words)
    for longest in range(LONGEST, SHORTEST_WORTH - 1, -1):
        if places * ends * longest <= MAX_PIECES and places * _chars(said, longest) <= MAX_CHARS:
            break
    else:
        return []
    rows = (
        (opening, closing) for first, (opening, _) in enumerate(words) for _, closing in words[first : first + longest]
    )
    return list(dict.fromkeys(read for row in rows for read in text.readings(*row) if read))


@dataclass(frozen=True)
class _Text:
    said: str

    @cached_property
    def _plain(self) -> str:
        """As long, with one kind of quotes, and without the signs that belong to a path."""
        return _PATHS.sub(lambda path: "x" * len(path[0]), self.said.translate(_QUOTES))

    @cached_property
    def _partners(self) -> Mapping[int, int]:
        """Of a bracket or a quote: where the other one is."""
        waiting: dict[str, list[int]] = {closing: [] for closing in _CLOSING}
        found: dict[int, int] = {}
        for sign in _SIGN.finditer(self._plain):
            if sign["opening"]:
                waiting[_CLOSES.get(sign[0], sign[0])].append(sign.start())
            elif waiting[sign[0]]:
                opened = waiting[sign[0]].pop()
                found |= {opened: sign.start(), sign.start(): opened}
        return found

    def readings(self, start: int, end: int) -> list[str]:
        """`Mr.` and `Mr`, `Ann's` and `Ann`. But a dot at the end of a line is a full stop."""
        bare = self._bare(start, end, _STOPS)
        dotted = "" if _LINE_ENDS.match(self.said, end) else self._bare(start, end, _STOPS_BUT_DOT)
        found = [bare, dotted] if _ENDS_IN_DOT.search(dotted[-2:]) else [bare]
        return [*found, bare[:-2]] if _SOMEONES.search(bare[-3:]) else found

    def _bare(self, start: int, end: int, stops: str) -> str:
        """Without stops at its end, and without signs around it whose partners are out of it or around it too."""
        plain, partners = self._plain, self._partners
        for _ in range(MAX_SIGNS):
            if start >= end:
                break
            first, last = plain[start], plain[end - 1]
            if last in stops or last.isspace() or (last in _CLOSING and partners.get(end - 1, -1) < start):
                end -= 1
            elif first.isspace() or (first in _OPENING and partners.get(start, end) >= end):
                start += 1
            elif partners.get(start) == end - 1:
                start, end = start + 1, end - 1
            else:
                break
        return self.said[start:end]


def _numbers(said: str) -> Iterator[int | float]:
    for found in _NUMBER.findall(said):
        plain = found.replace(",", "").replace("−", "-")
        dots = plain.count(".")
        if dots <= 1 and len(plain.lstrip("-")) - dots <= MAX_DIGITS:  # 1.2.3 is a version
            yield float(plain) if dots else int(plain)
