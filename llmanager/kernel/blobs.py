"""The Blobs port: named byte strings too large for rows. Segments of vectors and uploaded files live here.

Adapters pass tests/contracts/test_blobs.py.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

PIECE_BYTES = 1024 * 1024  # readers and writers hold about one piece in memory, whatever a blob's size
MAX_KEY_BYTES = 900
MAX_PART_BYTES = 200  # of a key, between two '/'

_PART = re.compile(rf"(?!\.{{1,2}}\Z)[A-Za-z0-9._=%-]{{1,{MAX_PART_BYTES}}}", re.ASCII)


def checked_key(key: str) -> str:
    """The key itself. Raises ValueError where it breaks the port's rule."""
    if len(key) > MAX_KEY_BYTES or not all(map(is_part, key.split("/"))):
        raise ValueError(f"not a key of a blob: {key!r}")
    return key


def is_part(text: str) -> bool:
    return _PART.fullmatch(text) is not None


@dataclass(frozen=True)
class BlobInfo:
    key: str
    size_bytes: int


class Blobs(Protocol):
    """Strongly consistent, lists too; a blob is there whole or not at all; an answered write survives `kill -9`.

    A key is 1 to MAX_KEY_BYTES bytes of parts joined by '/', each of 1 to MAX_PART_BYTES ASCII letters, digits, '.',
    '_', '-', '=' and '%', none of them '.' or '..'. No key is another one's folder: where `a/b` is, `a` cannot be.
    (ValueError otherwise: keys are made by us, so another one is a bug. `checked_key` tells the first kind.)
    Every method may raise Throttled or Unavailable (retryable) and OutOfSpace (nothing was written).
    Thread-safe and safe beside other processes.
    """

    def put(self, key: str, pieces: Iterable[bytes]) -> int:
        """Write a blob, replacing what was there, and return its size. If `pieces` raises, nothing was written."""

    def read(self, key: str) -> Iterator[bytes]:
        """The bytes, a piece at a time. Raises BlobNotFound at once, not at the first piece.

        One who began before the blob was replaced or deleted gets the old bytes, or BlobNotFound or Unavailable later.
        """

    def find(self, key: str) -> BlobInfo | None: ...

    def list(self, prefix: str) -> Iterator[BlobInfo]:
        """All whose key starts with `prefix`, in order of their keys' bytes."""

    def delete(self, key: str) -> None:
        """Absent is fine."""
