"""What CSV and JSONL have in common: a record a row or line, read one at a time."""

import io
import itertools
from collections.abc import Iterator
from typing import BinaryIO, Final

from llmanager.adapters.documents.limits import MAX_LINE_CHARACTERS, Refused

TEXTS: Final = ("text", "content", "page_content")  # where a record's text is, if it names it


def lines(source: BinaryIO, encoding: str, newline: str | None) -> Iterator[str]:
    text = io.TextIOWrapper(source, encoding, newline=newline)
    for number in itertools.count(1):
        line = text.readline(MAX_LINE_CHARACTERS + 1)
        if not line:
            return
        if len(line) > MAX_LINE_CHARACTERS:
            raise Refused(
                f"Line {number} has more than {MAX_LINE_CHARACTERS} characters, too much for one record. Split it, or "
                "name the file .txt."
            )
        yield line
