"""The Blobs port: named byte strings too large for rows. Segments of vectors and uploaded files live here.

Adapters pass tests/contracts/test_blobs.py.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

PIECE_BYTES = 1024 * 1024  # readers and writers hold about one piece in memory, whatever a blob's size
MAX_KEY_BYTES = 900


@dataclass(frozen=True)
class BlobInfo:
    key: str
    size_bytes: int


class Blobs(Protocol):
    """Strongly consistent, lists too; a blob is there whole or not at all; an answered write survives `kill -9`.

    A key is 1 to MAX_KEY_BYTES bytes of segments joined by '/', each of letters, digits, '.', '_', '-', '=' and '%',
    none of them '.' or '..' (ValueError otherwise: keys are made by us, so another one is a bug).
    Every method may raise Throttled or Unavailable (retryable) and OutOfSpace (nothing was written).
    Thread-safe and safe beside other processes.
    """

    def put(self, key: str, pieces: Iterable[bytes]) -> int:
        """Write a blob, replacing what was there, and return its size. If `pieces` raises, nothing was written."""

    def read(self, key: str) -> Iterator[bytes]:
        """The bytes, a piece at a time. Raises BlobNotFound at once, not at the first piece."""

    def find(self, key: str) -> BlobInfo | None: ...

    def list(self, prefix: str) -> Iterator[BlobInfo]:
        """All whose key starts with `prefix`, in order of their keys' bytes."""

    def delete(self, key: str) -> None:
        """Absent is fine."""
