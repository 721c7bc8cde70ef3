"""Blobs in a dict: as strict as an adapter, able to be full, broken or busy, with hooks for the worst moments."""

import threading
from collections.abc import Callable, Iterable, Iterator

from llmanager.kernel.blobs import PIECE_BYTES, BlobInfo, checked_key
from llmanager.kernel.errors import BlobNotFound, LLManagerError, OutOfSpace, Unavailable

Hook = Callable[[str, str], None]


def _nothing(_: str, __: str) -> None: ...


class FakeBlobs:
    """Passes tests/contracts/test_blobs.py.

    `before` and `after` run around every call with its name and its key (or prefix). They may use the blobs. What
    `before` raises refuses the call; what `after` raises loses its answer, though it took effect.
    `down` makes every call raise it, until it is None again: Throttled(...), Unavailable(...).
    `room_bytes` is how much all blobs may have together: a put that needs more raises OutOfSpace.
    `breaks_after` pieces of a blob every put and read breaks with Unavailable.
    """

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._lock = threading.RLock()
        self.before: Hook = _nothing
        self.after: Hook = _nothing
        self.down: LLManagerError | None = None
        self.room_bytes: int | None = None
        self.breaks_after: int | None = None

    def put(self, key: str, pieces: Iterable[bytes]) -> int:
        self._begin("put", checked_key(key))
        data = b"".join(self._breaking(pieces))
        with self._lock:
            if any(other.startswith(key + "/") or key.startswith(other + "/") for other in self._blobs):
                raise ValueError(f"a blob and a folder cannot have one name: {key!r}")
            held = sum(len(blob) for other, blob in self._blobs.items() if other != key)
            if self.room_bytes is not None and held + len(data) > self.room_bytes:
                raise OutOfSpace("The fake is full, so nothing was written.")
            self._blobs[key] = data
        self.after("put", key)
        return len(data)

    def read(self, key: str) -> Iterator[bytes]:
        self._begin("read", checked_key(key))
        with self._lock:
            data = self._blobs.get(key)
        if data is None:
            raise BlobNotFound("This blob is not there.")
        self.after("read", key)
        return self._breaking(data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES))

    def find(self, key: str) -> BlobInfo | None:
        self._begin("find", checked_key(key))
        with self._lock:
            data = self._blobs.get(key)
        self.after("find", key)
        return None if data is None else BlobInfo(key, len(data))

    def list(self, prefix: str) -> Iterator[BlobInfo]:
        folder, slash, _ = prefix.rpartition("/")
        if slash:
            checked_key(folder)
        self._begin("list", prefix)
        with self._lock:
            found = [BlobInfo(key, len(data)) for key, data in self._blobs.items() if key.startswith(prefix)]
        self.after("list", prefix)
        return iter(sorted(found, key=lambda info: info.key))

    def delete(self, key: str) -> None:
        self._begin("delete", checked_key(key))
        with self._lock:
            self._blobs.pop(key, None)
        self.after("delete", key)

    def _begin(self, call: str, key: str) -> None:
        self.before(call, key)
        if self.down is not None:
            raise self.down

    def _breaking(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for count, piece in enumerate(pieces):
            if count == self.breaks_after:
                raise Unavailable("The fake broke in the middle of a blob.")
            yield piece
