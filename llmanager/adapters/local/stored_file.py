"""Files we made or fetched, each with a marker beside it that says what was checked.

A file counts as complete only with a marker that fits its size and time of change, so a restart reads no weights again,
and a file that somebody touched is checked anew. The file is renamed into place before its marker is written.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

READ_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class Marker:
    sha256: str
    size_bytes: int
    changed_ns: int  # the file's time of last change
    is_choice: bool = False  # our rule chose this file of its repository: what `owner/name` alone means


def marker_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def read_marker(path: Path) -> Marker | None:
    """The marker of the file at `path`; None if the file or the marker is absent, or they do not fit."""
    marker = _parse(path)
    return marker if marker is not None and _fits(marker, path) else None


def renew_marker(path: Path) -> Marker | None:
    """For a file that may have been touched: if its content has the marker's checksum, let the marker fit.

    None if the file or the marker is absent, or the content is another.
    """
    marker = _parse(path)
    if marker is None or not path.is_file():
        return None
    if not _fits(marker, path):
        if path.stat().st_size != marker.size_bytes or sha256_of(path) != marker.sha256:
            return None
        return write_marker(path, marker.sha256, is_choice=marker.is_choice)
    return marker


def write_marker(path: Path, sha256: str, *, is_choice: bool = False) -> Marker:
    status = path.stat()
    marker = Marker(sha256, status.st_size, status.st_mtime_ns, is_choice)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    new.write_text(json.dumps(asdict(marker)))
    new.replace(marker_path(path))
    return marker


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """One process at a time works on the file. The lock goes with the process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def put_in_place(temporary: Path, path: Path) -> None:
    """Make a finished file appear at `path` at once, and only when its bytes are on the disk."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _parse(path: Path) -> Marker | None:
    try:
        return Marker(**json.loads(marker_path(path).read_bytes()))
    except (OSError, ValueError, TypeError):  # absent, not JSON, other fields
        return None


def _fits(marker: Marker, path: Path) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    return (marker.size_bytes, marker.changed_ns) == (status.st_size, status.st_mtime_ns)
