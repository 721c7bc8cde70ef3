"""How blobs lie in a folder: names that no file system mistakes, files under way, the disk's errors in our words.

A part of a key is a file's or folder's name as it is, except that upper case is told apart where the file system does
not: `Acme` is `acme+1`, the hexadecimal number behind the '+' having a bit for each upper-case letter's place.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from llmanager.adapters.local.full_disk import FULL, disk_is_full
from llmanager.kernel.blobs import is_part
from llmanager.kernel.errors import Unavailable

UNFINISHED: Final = "~unfinished"  # a folder of files under way: no key's name, so no list shows it

_FULL = FULL | {errno.EFBIG}
_SENTENCES = {
    errno.EIO: "The disk failed while the blob store was in use. Look at the disk, then try again.",
    errno.EROFS: "The blob store is read-only. Make LLMANAGER_HOME writable for the server.",
    errno.EACCES: "The server may not use its blob store. Make LLMANAGER_HOME writable for it.",
    errno.EPERM: "The server may not use its blob store. Make LLMANAGER_HOME writable for it.",
    errno.EMFILE: "The server has too many files open. Try again soon.",
    errno.ENFILE: "The machine has too many files open. Try again soon.",
    errno.ENOLCK: "The blob store's file system knows no locks. Put LLMANAGER_HOME on a local disk.",
}


@contextmanager
def translated() -> Iterator[None]:
    """Raises Unavailable or OutOfSpace for what the disk or its owner did; anything else is a bug, raised as it is."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise disk_is_full() from error
        sentence = _SENTENCES.get(error.errno or 0)
        if sentence is None:
            raise
        raise Unavailable(sentence) from error


def path_of(root: Path, key: str) -> Path:
    return root.joinpath(*map(name_of, key.split("/")))


def name_of(part: str) -> str:
    lower = part.lower()
    if lower == part:
        return part
    places = sum(1 << place for place, letter in enumerate(part) if letter.isupper())
    return f"{lower}+{places:x}"


def part_of(name: str) -> str | None:
    """None for a file that is no blob of ours."""
    lower, plus, digits = name.partition("+")
    try:
        places = int(digits, 16) if plus else 0
    except ValueError:
        return None
    part = "".join(c.upper() if places >> place & 1 else c for place, c in enumerate(lower)) if places else lower
    return part if is_part(part) and name_of(part) == name else None


def flush(descriptor: int) -> None:
    """Onto the disk itself, also where fsync stops at the disk's cache (macOS)."""
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        with suppress(OSError):  # not every file system there has it
            fcntl.fcntl(descriptor, full)
            return
    os.fsync(descriptor)


def write_all(descriptor: int, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def claimed(path: Path) -> int | None:
    """Make a file and lock it for as long as it is open. None if `remove_abandoned` was quicker with the lock."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        is_ours = os.fstat(descriptor).st_nlink > 0
    except OSError:
        os.close(descriptor)
        raise
    if not is_ours:
        os.close(descriptor)
    return descriptor if is_ours else None


def remove_abandoned(folder: Path) -> None:
    """Files whose writer is dead: its lock went with it, however it ended."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError), path.open("rb") as file, suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
