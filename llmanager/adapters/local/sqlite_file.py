"""One SQLite file: opened durably, its schema version checked, its errors put into our words."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import Empty, LifoQueue

from llmanager.adapters.local.full_disk import disk_is_full
from llmanager.kernel.errors import LLManagerError, NotSupported, Unavailable

SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 5.0
MAX_READERS = 8

SCHEMA_1 = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS rows (
    name TEXT NOT NULL,  -- of the Table
    partition TEXT NOT NULL,
    sort TEXT NOT NULL,
    version INTEGER NOT NULL,
    expires_at INTEGER,  -- microseconds since 1970
    body BLOB NOT NULL,
    PRIMARY KEY (name, partition, sort)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS expiry ON rows (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS versions (last INTEGER NOT NULL);
INSERT INTO versions SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM versions);
PRAGMA user_version = 1;
COMMIT;
"""

_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}  # a quota is an IOERR_WRITE
_SENTENCES = {
    sqlite3.SQLITE_BUSY: "Another process keeps the storage busy. Try again soon.",
    sqlite3.SQLITE_LOCKED: "Another process keeps the storage busy. Try again soon.",
    sqlite3.SQLITE_PROTOCOL: "Another process keeps the storage busy. Try again soon.",
    sqlite3.SQLITE_READONLY: "The storage is read-only. Make LLMANAGER_HOME writable for the server.",
    sqlite3.SQLITE_PERM: "The server may not open its storage. Make LLMANAGER_HOME writable for it.",
    sqlite3.SQLITE_CANTOPEN: "The server cannot open its storage. Make LLMANAGER_HOME writable for it.",
    sqlite3.SQLITE_IOERR: "The disk failed while the storage was in use. Look at the disk, then try again.",
    sqlite3.SQLITE_CORRUPT: "The storage file is damaged. Stop the server and restore the file from a backup.",
    sqlite3.SQLITE_NOTADB: "The storage file is damaged. Stop the server and restore the file from a backup.",
}


class StorageTooNew(NotSupported):
    code = "storage_too_new"

    def __init__(self, found: int) -> None:
        super().__init__(
            f"The storage was written by a newer LLManager (schema {found}; this one knows {SCHEMA_VERSION}). "
            "Update LLManager, or use another LLMANAGER_HOME."
        )


def in_our_words(error: sqlite3.Error) -> LLManagerError | None:
    """None for what is no fault of the file, the disk or another process: a bug, to be raised as it is."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    if code in _FULL:
        return disk_is_full()
    sentence = _SENTENCES.get(code & 0xFF)  # the low byte is the kind, the others its details
    return None if sentence is None else Unavailable(sentence)


@contextmanager
def translated() -> Iterator[None]:
    """Raises Unavailable or OutOfSpace for the errors of SQLite that have a sentence."""
    try:
        yield
    except sqlite3.Error as error:
        ours = in_our_words(error)
        if ours is None:
            raise
        raise ours from error


def connect(path: Path) -> sqlite3.Connection:
    """Autocommit, durable (FULL, and a real flush on macOS), usable from any one thread at a time."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")
    return connection


def prepare(path: Path) -> None:
    """Create the file, for its owner's eyes only, or check an old one.

    Raises StorageTooNew, Unavailable, OutOfSpace.
    """
    with _alone_in(path.parent), translated(), closing(_created(path)) as connection:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found > SCHEMA_VERSION:
            raise StorageTooNew(found)
        connection.execute("PRAGMA journal_mode = WAL")
        if found < SCHEMA_VERSION:
            connection.executescript(SCHEMA_1)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """SQLite's own waiting does not cover the step to WAL: of two processes that take it at once, one is refused."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Unavailable(_SENTENCES[sqlite3.SQLITE_CANTOPEN]) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _created(path: Path) -> sqlite3.Connection:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise Unavailable(_SENTENCES[sqlite3.SQLITE_CANTOPEN]) from error
    return connect(path)


class Readers:
    """Connections for reading, each lent to one thread at a time: at most MAX_READERS, opened as they are needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_closed = False
        self._free: LifoQueue[sqlite3.Connection | None] = LifoQueue()  # None: may still be opened
        for _ in range(MAX_READERS):
            self._free.put(None)

    @contextmanager
    def lend(self) -> Iterator[sqlite3.Connection]:
        """Raises Unavailable if none comes free, or the storage is closed."""
        if self._is_closed:
            raise closed()
        try:
            connection = self._free.get(timeout=BUSY_TIMEOUT_S)
        except Empty:
            raise Unavailable("The storage is busy with other readers. Try again soon.") from None
        try:
            with translated():
                connection = connection or connect(self._path)
                yield connection
        finally:
            self._free.put(connection)

    def close(self) -> None:
        """Waits for readers that are reading."""
        if self._is_closed:
            return
        self._is_closed = True
        for _ in range(MAX_READERS):
            connection = self._free.get()
            if connection is not None:
                connection.close()


def closed() -> Unavailable:
    return Unavailable("The storage is being closed because the server stops. Try again when it is back.")
