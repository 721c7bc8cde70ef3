"""Where the sentences of a passage begin and end: prose, headings, list items, settings, tables, code. Pure.

Time is linear in the text, whatever is in it: every pattern that repeats is possessive and begins at a border.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_CHARS: Final = 600  # of a sentence: endless lines are cut
_LOOK_BACK: Final = 24  # characters in which an abbreviation is looked for

_FENCE = re.compile(r"[ \t]{0,3}(?:```|~~~)[ \t]*(\w?)")  # a closing one has no language
_FENCES = re.compile(_FENCE.pattern, re.MULTILINE)
_PROSE_ENDS = re.compile(r"[.!?:][ \t]*$", re.MULTILINE)
_HEADING = re.compile(r"[ \t]{0,3}(#{1,6})[ \t]+(?=\S)")
_NUMBERED_HEADING = re.compile(  # without a mark: "Section 3.", "ARTICLE IV"
    r"(?:section|article|chapter|part|appendix|amendment|§)\s{1,4}[\w.]{1,8}[.:]?", re.IGNORECASE
)
_UNDERLINE = re.compile(r"[ \t]{0,3}(?:={3,}+|-{3,}+)[ \t]*+$")
_RULE = re.compile(r"[\s|:*_=+\u2500-\u25ff-]*+$")
_ITEM = re.compile(r"[ \t]*+(?:[-*+•–]|\(?\d{1,3}[.)]|\(?[a-zA-Z]\))[ \t]++(?:\[[ xX]\][ \t]++)?(?=\S)")
_QUOTED = re.compile(r"[ \t]*+(?:>[ \t]?)++")
_SETTING = re.compile(r"[ \t]*+[^\s:|][^:|\n]{0,40}:(?:[ \t]++\S|$)")
_STOP = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]*_`]*+(?=\s|$)|[。！？][。！？」』”’）]*+")
_NEXT = re.compile(r"\s*+[\"'“‘«(\[*_`]*+(\S?)")
_BEFORE_FIGURES = "no nos nr fig figs p pp vol sec ch art eq ver approx ca §"  # "No. 5", but also "No. It is not."
_BEFORE_NAMES = "dr mr mrs ms prof st mt sen rep gov gen col lt sgt capt rev hon vs e.g i.e cf viz al"
_NUMBERED = frozenset(_BEFORE_FIGURES.split())
_TITLES = frozenset(_BEFORE_NAMES.split())
_WORD_BEFORE = re.compile(r"[^\s(\[\"'“‘]*+$")
_INITIAL = re.compile(r"(?:^|[.!?][\"'”]?\s|[A-Z][\w.]*+\s)[A-Z]$")
_FULL = re.compile(r"[.!?…。！？:;][\"'”’»)\]]*+$")


@dataclass(frozen=True)
class Sentence:
    start: int
    end: int
    heading: str = ""  # of the section or the table's column names above it
    before: str = ""  # the sentence that it follows, in the same paragraph or list
    is_heading: bool = False


@dataclass(frozen=True)
class _Block:
    """Lines that belong together."""

    start: int
    end: int
    is_whole: bool = False  # a line of code, a table's row, a setting: not to be cut at stops
    is_heading: bool = False
    heading: str = ""
    follows: bool = False  # on a block of the same list or table


def sentences(text: str) -> tuple[Sentence, ...]:
    """In their order, without blank ones. Headings are among them, marked as such."""
    found: list[Sentence] = []
    before = ""
    for block in _blocks(text):
        if not block.follows:
            before = ""
        for start, end in _capped(text, _cut(text, block)):
            is_heading = block.is_heading or _NUMBERED_HEADING.fullmatch(text, start, end) is not None
            found.append(Sentence(start, end, block.heading, before, is_heading))
            before = text[start:end]
    return tuple(found)


def is_whole(text: str) -> bool:
    """Whether it ends like a sentence. What a border of a passage has cut off does not."""
    return _FULL.search(text[-8:]) is not None


class _Reader:
    """Lines in, blocks out."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.headings: list[tuple[int, str]] = []
        self.columns = ""
        self.is_code = _begins_in_code(text)
        self.paragraph: list[tuple[int, int]] = []
        self.follows = False

    def blocks(self) -> Iterator[_Block]:
        position = 0
        for line in self.text.splitlines(keepends=True):
            yield from self._line(position, line.rstrip())
            position += len(line)
        yield from self._flush()

    def _line(self, at: int, line: str) -> Iterator[_Block]:
        if _FENCE.match(line):
            yield from self._flush()
            self.is_code = not self.is_code
        elif self.is_code:
            if line.strip():
                yield self._block(at + _indent(line), at + len(line), is_whole=True)
        elif not line.strip():
            yield from self._flush()
            self.columns = ""
        elif heading := _HEADING.match(line):
            yield from self._flush()
            yield from self._headed(at + heading.end(), at + len(line.rstrip("# \t")), len(heading[1]))
        elif line.lstrip().startswith("|"):
            yield from self._row(at, line)
        else:
            yield from self._prose(at, line)

    def _prose(self, at: int, line: str) -> Iterator[_Block]:
        if _UNDERLINE.match(line) and len(self.paragraph) == 1:
            start, end = self.paragraph.pop()
            yield from self._headed(start, end, 1 if "=" in line else 2)
        elif _RULE.match(line):
            yield from self._flush()
        elif item := _ITEM.match(line):
            yield from self._flush(is_list=True)
            self.paragraph.append((at + item.end(), at + len(line)))
            self.follows = True
        else:
            quoted = _QUOTED.match(line)
            start = at + (quoted.end() if quoted else _indent(line))
            if start < at + len(line):
                self.paragraph.append((start, at + len(line)))

    def _row(self, at: int, line: str) -> Iterator[_Block]:
        yield from self._flush()
        inner = line.strip().strip("|").strip()
        if _RULE.match(line):
            return
        if not self.columns:
            self.columns = inner
            self.follows = False
            yield self._block(at + _indent(line), at + len(line), is_whole=True, is_heading=True)
        else:
            yield self._block(at + _indent(line), at + len(line), is_whole=True)

    def _headed(self, start: int, end: int, level: int) -> Iterator[_Block]:
        self.headings = [known for known in self.headings if known[0] < level]
        yield self._block(start, max(start, end), is_whole=True, is_heading=True)
        self.headings.append((level, self.text[start:end]))
        self.columns, self.follows = "", False

    def _flush(self, *, is_list: bool = False) -> Iterator[_Block]:
        """What the paragraph was: settings line by line, or prose."""
        lines, self.paragraph = self.paragraph, []
        if lines:
            settings = [bool(_SETTING.match(self.text[start:end])) for start, end in lines]
            if len(lines) > 1 and all(settings):
                yield from (self._block(start, end, is_whole=True) for start, end in lines)
            else:
                yield self._block(lines[0][0], lines[-1][1])
        self.follows = is_list and (self.follows or bool(lines))

    def _block(self, start: int, end: int, *, is_whole: bool = False, is_heading: bool = False) -> _Block:
        heading = " ".join(text for _, text in self.headings[-2:])
        columns = "" if is_heading else self.columns
        return _Block(start, end, is_whole, is_heading, f"{heading} {columns}".strip(), self.follows)


def _blocks(text: str) -> Iterator[_Block]:
    return _Reader(text).blocks()


def _begins_in_code(text: str) -> bool:
    """Where a chunk's border is within a block of code, its first fence is a closing one."""
    fences = list(_FENCES.finditer(text))
    for number, fence in enumerate(fences):
        if fence[1]:  # it opens
            return number % 2 == 1
    return len(fences) % 2 == 1 and not _PROSE_ENDS.search(text, 0, fences[0].start())


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _cut(text: str, block: _Block) -> Iterator[tuple[int, int]]:
    start = block.start
    if not block.is_whole:
        for stop in _STOP.finditer(text, block.start, block.end):
            if stop.end() < block.end and _ends(text, stop, block):
                yield start, stop.end()
                start = stop.end()
    yield start, block.end


def _ends(text: str, stop: re.Match[str], block: _Block) -> bool:
    """Whether a sentence ends here, and not only an abbreviation."""
    mark = stop[0][0]
    if mark in "。！？":
        return True
    following = _NEXT.match(text, stop.end(), block.end)
    letter = following[1] if following else ""
    if letter.islower():
        return False
    if mark != "." or (len(stop[0]) > 1 and stop[0][1] == "."):
        return True
    back = text[max(block.start, stop.start() - _LOOK_BACK) : stop.start()]
    found = _WORD_BEFORE.search(back)
    word = found[0].lower() if found else ""
    if word in _TITLES or (word in _NUMBERED and letter.isdigit()):
        return False
    return not (letter.isupper() and _INITIAL.search(back))


def _capped(text: str, spans: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Without the blanks around them, the endless ones in parts."""
    for start, end in spans:
        at = start
        while end - at > MAX_CHARS:
            blank = text.rfind(" ", at + 1, at + MAX_CHARS)
            part = blank if blank > at else at + MAX_CHARS
            yield from _trimmed(text, at, part)
            at = part
        yield from _trimmed(text, at, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    part = text[start:end]
    body = part.strip()
    if body:
        first = start + len(part) - len(part.lstrip())
        yield first, first + len(body)
