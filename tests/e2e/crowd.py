"""Many clients at once, each on a thread and a connection of its own."""

import json
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tests.e2e.world import HELLO

T = TypeVar("T")


def at_once(asks: Sequence[Callable[[], T]]) -> list[T]:
    with ThreadPoolExecutor(len(asks)) as pool:
        return [future.result() for future in [pool.submit(ask) for ask in asks]]


@dataclass
class Stream:
    """A streamed answer, read by hand: what came when, comments too."""

    connection: socket.socket
    began_s: float = field(default_factory=time.monotonic)
    text: bytes = b""

    @classmethod
    def open(cls, base_url: str, model: str, max_tokens: int = 8, **more: Any) -> "Stream":
        asked = {"model": model, "messages": HELLO, "max_tokens": max_tokens, "stream": True, **more}
        parts, body = urlsplit(base_url), json.dumps(asked).encode()
        stream = cls(socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-length: {len(body)}\r\n\r\n"
        stream.connection.sendall(head.encode() + body)
        return stream

    def until(self, part: bytes) -> float:
        """Read on until that has come; the seconds since the request."""
        while part not in self.text:
            data = self.connection.recv(65_536)
            if not data:
                self.leave()
                raise AssertionError(f"the stream ended before {part!r}: {self.text[-2000:]!r}")
            self.text += data
        return time.monotonic() - self.began_s

    def to_end(self) -> bytes:
        """All of it, with the chunk of length 0 that ends an HTTP body."""
        with self.connection:
            self.until(b"\r\n0\r\n\r\n")
        return self.text

    def leave(self) -> None:
        self.connection.close()
