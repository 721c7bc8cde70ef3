"""JSON that is too long to be read at once: value by value. Pure."""

import codecs
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from llmanager.kernel.errors import InvalidInput

MIB: Final = 1024 * 1024
MAX_VALUE_CHARACTERS: Final = 4 * MIB  # of a value that is taken whole
HEAD_CHARACTERS: Final = 1024
NO_JSON: Final = (
    "It is neither JSONL of items with a 'vector' each nor one object of 'metadata' and 'embeddings'. Correct it, "
    "or have documents embedded with POST /vdb/embed."
)


class JsonStream:
    """Every method may raise InvalidInput."""

    def __init__(self, content: Iterable[bytes]) -> None:
        self._content = iter(content)
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._json = json.JSONDecoder()
        self._buffer = ""
        self._at = 0  # what is before it was taken
        self._has_ended = False
        self._size_bytes = 0
        self._max_bytes: int | None = None
        self._advice = ""

    def limit(self, max_bytes: int, advice: str) -> None:
        """From now on more than that in all is refused."""
        self._max_bytes, self._advice = max_bytes, advice

    def head(self) -> str:
        while len(self._buffer) < HEAD_CHARACTERS and self._more():
            pass
        return self._buffer[:HEAD_CHARACTERS]

    def values(self) -> Iterator[Any]:
        """Those that stand one after the other, up to the end."""
        while self._next():
            yield self._value()

    def members(self) -> Iterator[str]:
        """The names of an object's members. Take the value of each before the next name."""
        return self._listed("{", "}", self._name)

    def elements(self) -> Iterator[Any]:
        return self._listed("[", "]", self._value)

    def _listed(self, first: str, last: str, one: Callable[[], Any]) -> Iterator[Any]:
        self._take(first)
        if self._next() != last:
            yield one()
            while self._next() == ",":
                self._take(",")
                yield one()
        self._take(last)

    def _name(self) -> str:
        name = self._value()
        self._take(":")
        return str(name)

    def _take(self, character: str) -> None:
        if self._next() != character:
            raise InvalidInput(NO_JSON, param="src")
        self._at += 1

    def _next(self) -> str:
        """The next character that is not blank; '' at the end."""
        while True:
            rest = self._buffer[self._at : self._at + 1]
            if rest and not rest.isspace():
                return rest
            if not rest and not self._more():
                return ""
            self._at += len(rest)

    def _value(self) -> Any:
        self._next()
        while True:
            value, end = self._tried()
            if end is not None:
                self._at = end
                return value
            length = len(self._buffer) - self._at
            if length > MAX_VALUE_CHARACTERS:
                raise InvalidInput(
                    f"One of the file's values has more than {MAX_VALUE_CHARACTERS} characters, or is no JSON.",
                    param="src",
                )
            while len(self._buffer) - self._at <= 2 * length and self._more():
                pass

    def _tried(self) -> tuple[Any, int | None]:
        """The value and its end; None where there is not enough of it yet."""
        try:
            value, end = self._json.raw_decode(self._buffer, self._at)
        except (ValueError, RecursionError) as error:
            if self._has_ended or isinstance(error, RecursionError):
                raise InvalidInput(NO_JSON, param="src") from error
            return None, None
        is_whole = end < len(self._buffer) or not self._more()  # else a number may go on
        return (value, end) if is_whole else (None, None)

    def _more(self) -> bool:
        """Read another piece. False at the end."""
        if self._has_ended:
            return False
        piece = next(self._content, None)
        self._has_ended = piece is None
        self._size_bytes += len(piece or b"")
        if self._max_bytes is not None and self._size_bytes > self._max_bytes:
            raise InvalidInput(f"The file has more than {self._max_bytes // MIB} MiB. {self._advice}", param="src")
        try:
            text = self._decode(piece or b"", piece is None)
        except UnicodeError as error:
            raise InvalidInput("The file is not UTF-8. Save it as UTF-8.", param="src") from error
        self._buffer, self._at = self._buffer[self._at :] + text, 0
        return piece is not None
