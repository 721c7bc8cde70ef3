"""Blobs as files: root/KEY, each written under another name, flushed, and renamed to its own.

A small put costs two flushes, the file's and its folder's; the first one into a folder also one for each folder above.
A delete is not flushed: it survives `kill -9`, but a power cut may bring the blob back.
"""

import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from operator import itemgetter
from pathlib import Path
from stat import S_ISREG

from llmanager.adapters.local.blob_files import (
    UNFINISHED,
    claimed,
    flush,
    part_of,
    path_of,
    remove_abandoned,
    translated,
    write_all,
)
from llmanager.kernel.blobs import PIECE_BYTES, BlobInfo, checked_key
from llmanager.kernel.errors import BlobNotFound, Unavailable

TRIES = 20  # folders may be removed, because they are empty, just before a blob is moved into them


class FileBlobs:
    """The Blobs port on one file system. Any number of objects and processes may share a root.

    `flush` puts a file or folder on the disk; tests count it and let it fail.
    """

    def __init__(self, root: Path, *, flush: Callable[[int], None] = flush) -> None:
        """Makes the folder, and clears away what puts left that died. Raises Unavailable, OutOfSpace."""
        self._root = root
        self._unfinished = root / UNFINISHED
        self._flush = flush
        self._lock = threading.Lock()
        self._lasting: set[Path] = set()  # folders known to be on the disk, with all above them
        with translated():
            self._unfinished.mkdir(parents=True, exist_ok=True, mode=0o700)
            remove_abandoned(self._unfinished)
            self._remove_abandoned_folders()

    def put(self, key: str, pieces: Iterable[bytes]) -> int:
        path = path_of(self._root, checked_key(key))
        size_bytes = 0
        with self._new_file() as (descriptor, temporary):
            for piece in pieces:
                with translated():
                    write_all(descriptor, piece)
                size_bytes += len(piece)
            with translated():
                self._flush(descriptor)
                self._move(temporary, path)
        return size_bytes

    def read(self, key: str) -> Iterator[bytes]:
        pieces = _pieces(path_of(self._root, checked_key(key)))
        next(pieces)  # opens the file
        return pieces

    def find(self, key: str) -> BlobInfo | None:
        return _info(key, path_of(self._root, checked_key(key)).stat)

    def list(self, prefix: str) -> Iterator[BlobInfo]:
        folder, slash, _ = prefix.rpartition("/")
        base = path_of(self._root, checked_key(folder)) if slash else self._root
        return _walk(str(base), folder + slash, prefix)

    def delete(self, key: str) -> None:
        path = path_of(self._root, checked_key(key))
        with translated():
            try:
                path.unlink()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                pass
            except PermissionError:
                if not path.is_dir():  # macOS calls a folder that
                    raise
            self._remove_empty(path.parent)

    @contextmanager
    def _new_file(self) -> Iterator[tuple[int, Path]]:
        """An open file of ours alone. If it is not moved away, it is gone at the end."""
        path = self._unfinished / secrets.token_hex(16)
        descriptor: int | None = None
        try:
            with translated():
                while descriptor is None:
                    descriptor = claimed(path)
            yield descriptor, path
        finally:
            with suppress(OSError):
                path.unlink()
            if descriptor is not None:
                os.close(descriptor)

    def _move(self, temporary: Path, path: Path) -> None:
        for _ in range(TRIES):
            try:
                self._make_lasting(path.parent)
                temporary.replace(path)
                break
            except IsADirectoryError:
                if not self._removed(path):
                    raise _taken() from None
            except (FileNotFoundError, FileExistsError, NotADirectoryError):
                if any(folder.is_file() for folder in path.parents):
                    raise _taken() from None
                with self._lock:
                    self._lasting.discard(path.parent)
        else:
            raise Unavailable("The blob store's folders are being cleared away. Try again.")
        with suppress(FileNotFoundError):  # deleted already, and its folder with it
            self._flush_folder(path.parent)
            self._make_lasting(path.parent)  # if it was removed and made anew in between

    def _make_lasting(self, folder: Path) -> None:
        if folder in self._lasting:
            return
        with self._lock:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            made_lasting = [folder]
            for above in folder.parents:
                self._flush_folder(above)
                if above in self._lasting or above == self._root.parent:
                    break
                made_lasting.append(above)
            self._lasting.update(made_lasting)

    def _flush_folder(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._flush(descriptor)
        finally:
            os.close(descriptor)

    def _remove_abandoned_folders(self) -> None:
        """Made by a put, or emptied by a delete, that died before its next step. A put beside us makes its anew."""
        for folder, _, _ in os.walk(self._root, topdown=False):
            if Path(folder) not in (self._root, self._unfinished):
                self._removed(Path(folder))

    def _remove_empty(self, folder: Path) -> None:
        while folder != self._root and self._removed(folder):
            folder = folder.parent

    def _removed(self, folder: Path) -> bool:
        """False if something is in it: a put beside us may have filled it just now."""
        with self._lock, suppress(OSError):
            folder.rmdir()
            self._lasting.discard(folder)
            return True
        return False


def _taken() -> ValueError:
    return ValueError("a blob and a folder cannot have one key")


def _pieces(path: Path) -> Iterator[bytes]:
    """First an empty one, as soon as the file is open."""
    with translated():
        try:
            file = path.open("rb", buffering=0)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise BlobNotFound("What this needs is not in the blob store any more.") from error
    with file:
        yield b""
        while True:
            with translated():
                piece = file.read(PIECE_BYTES)
            if not piece:
                return
            yield piece


def _walk(folder: str, key: str, prefix: str) -> Iterator[BlobInfo]:
    """What is under the folder, whose key ends in '/', in order of keys."""
    for found, entry in sorted(_entries(folder, key), key=itemgetter(0)):
        if found.startswith(prefix):
            if found.endswith("/"):
                yield from _walk(entry.path, found, prefix)
            elif info := _info(found, entry.stat):
                yield info


def _entries(folder: str, key: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Keys of blobs and of folders. A folder's ends in '/': so it sorts as what is in it does."""
    with translated(), suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            if part := part_of(entry.name):
                yield f"{key}{part}/" if entry.is_dir() else key + part, entry


def _info(key: str, stat: Callable[[], os.stat_result]) -> BlobInfo | None:
    """None where it is gone, or a folder."""
    with translated():
        try:
            status = stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
    return BlobInfo(key, status.st_size) if S_ISREG(status.st_mode) else None
