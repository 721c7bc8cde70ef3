"""HTML: what a reader of the page would read. No tree is built, so a page may be as deep and as long as it likes."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import BinaryIO, Final

from llmanager.adapters.documents.child import serve
from llmanager.adapters.documents.limits import BLOCK_CHARACTERS, MIB, Limits, Refused
from llmanager.adapters.documents.text import encoding_of, noted, pieces
from llmanager.vdb.entities import Block

UNREAD: Final = frozenset({"script", "style", "template", "noscript", "svg", "iframe"})
PARAGRAPHS: Final = frozenset(
    {"address", "article", "aside", "blockquote", "body", "dd", "details", "div", "dl", "dt", "fieldset"}
    | {"figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr", "li"}
    | {"main", "nav", "ol", "p", "pre", "section", "table", "title", "ul"}
)
LINES: Final = frozenset({"br", "tr", "option", "summary", "caption"})
CELLS: Final = frozenset({"td", "th"})
MAX_TITLE: Final = 200
MAX_TAG_CHARACTERS: Final = 8 * MIB  # pictures are written into attributes
CHARSET: Final = re.compile(rb"<meta[^>]{0,200}charset=[\"']?([A-Za-z0-9_-]{1,40})", re.IGNORECASE)
HEAD_BYTES: Final = 4096


def html_blocks(source: BinaryIO, _: Limits) -> Iterator[Block]:
    encoding = encoding_of(source, _declared(source))
    page = _Page()
    for piece in pieces(source, encoding):
        page.feed(piece)
        if len(page.rawdata) > MAX_TAG_CHARACTERS:
            raise Refused("It has a tag, script or comment of more than 8 MiB. Leave it out, or save it as text.")
        if page.length >= BLOCK_CHARACTERS:
            yield Block(page.taken(), page.metadata | noted(encoding))
    page.close()
    yield Block(page.taken(), page.metadata | noted(encoding))


def _declared(source: BinaryIO) -> str | None:
    head = source.read(HEAD_BYTES)
    source.seek(0)
    found = CHARSET.search(head)
    if found is None:
        return None
    name = found[1].decode("ascii")
    try:
        "".encode(name)  # unlike codecs.lookup, knows text encodings only
    except LookupError:
        return None
    return name.lower()


class _Page(HTMLParser):
    """Text comes in pieces, white space collapsed but within <pre>, a blank line between paragraphs."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.length = 0
        self.metadata: dict[str, str] = {}
        self._parts: list[str] = []
        self._gap = ""  # what must stand before the next word
        self._has_begun = False
        self._unread = 0  # how deep within what is not read
        self._title: list[str] | None = None
        self._in_pre = 0

    def taken(self) -> str:
        """The text since the last call. What parts it from the next goes with the next."""
        text = "".join(self._parts)
        self._parts, self.length = [], 0
        return text

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in UNREAD:
            self._unread += 1
        elif tag == "title" and "title" not in self.metadata and not self._unread:
            self._title = []
        elif tag == "pre":
            self._in_pre += 1
        self._part(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self._part(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in UNREAD:
            self._unread = max(0, self._unread - 1)
        elif tag == "title":
            self._end_title()
        elif tag == "pre":
            self._in_pre = max(0, self._in_pre - 1)
        self._part(tag)

    def handle_data(self, data: str) -> None:
        if self._unread:
            return
        if self._title is not None:
            self._title.append(data[:MAX_TITLE])
        elif self._in_pre:
            self._add(data)
        else:
            self._add_words(data)

    def _add_words(self, data: str) -> None:
        words = data.split()
        if not words:
            self._gap = self._gap or (" " if data else "")
            return
        if data[0].isspace():
            self._gap = self._gap or " "
        self._add(" ".join(words))
        self._gap = " " if data[-1].isspace() else ""

    def _add(self, text: str) -> None:
        gap = self._gap if self._has_begun else ""
        self._parts.append(gap + text)
        self.length += len(gap) + len(text)
        self._gap, self._has_begun = "", True

    def _part(self, tag: str) -> None:
        if tag in PARAGRAPHS:
            self._gap = "\n\n"
        elif tag in LINES and self._gap != "\n\n":
            self._gap = "\n"
        elif tag in CELLS and "\n" not in self._gap:
            self._gap = "\t"

    def _end_title(self) -> None:
        if self._title is not None:
            title = " ".join("".join(self._title).split())[:MAX_TITLE]
            self.metadata |= {"title": title} if title else {}
            self._title = None


if __name__ == "__main__":
    serve(html_blocks)
