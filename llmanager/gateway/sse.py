"""Server-sent events as bytes: cut into whole events, read, made. Knows nothing of what is in them."""

import re
from collections.abc import Iterator

from llmanager.kernel.errors import UpstreamFailed

DONE = b"data: [DONE]\n\n"
_BLANK_LINE = re.compile(rb"\n\r?\n")


class Splitter:
    """Cuts a stream into events, each with its blank line, wherever the chunks were cut. Lines end in LF or CRLF."""

    def __init__(self, max_event_bytes: int) -> None:
        self._max_event_bytes = max_event_bytes
        self._parts: list[bytes] = []  # of the event that is not whole yet
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The events that this chunk completes. Raises UpstreamFailed where one grows beyond the limit."""
        self._parts.append(chunk)
        self._size += len(chunk)
        if b"\n" in chunk:  # otherwise nothing can end here: a long line is joined once, not with each of its chunks
            data = b"".join(self._parts)
            start = 0
            for match in _BLANK_LINE.finditer(data):
                if match.end() - start > self._max_event_bytes:
                    raise _too_long(self._max_event_bytes)
                yield data[start : match.end()]
                start = match.end()
            self._parts = [data[start:]]
            self._size = len(data) - start
        if self._size > self._max_event_bytes:
            raise _too_long(self._max_event_bytes)


def _too_long(limit_bytes: int) -> UpstreamFailed:
    return UpstreamFailed(f"The model's server sent an event of more than {limit_bytes} bytes. Ask again.")


def data_of(event: bytes) -> bytes | None:
    """The event's data lines, joined. None: it has none (a comment)."""
    lines = [line[5:].removeprefix(b" ") for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines) if lines else None


def event(data: bytes) -> bytes:
    """`data` is one line."""
    return b"data: " + data + b"\n\n"


def comment(text: str) -> bytes:
    return b": " + " ".join(text.split()).encode() + b"\n\n"
