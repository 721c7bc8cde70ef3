"""The one thread that writes to a SQLite file: whatever waits is committed together, with one flush to disk."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from llmanager.adapters.local.sqlite_file import closed, in_our_words
from llmanager.kernel.errors import LLManagerError

T = TypeVar("T")
MAX_GROUP = 256  # operations of one commit
REFUSALS = (LLManagerError, ValueError, TypeError)  # of one operation; its neighbours are committed without it
IDLE_S = 60.0  # upkeep is offered this often while nobody writes


class Writing:
    """What an operation may use: SQL, and versions that no process ever drew before."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.execute = connection.execute
        (self._saved,) = self.execute("SELECT last FROM versions").fetchone()
        self._drawn: int = self._saved

    def next_version(self) -> int:
        self._drawn += 1
        return self._drawn

    def save_versions(self) -> None:
        if self._drawn > self._saved:
            self.execute("UPDATE versions SET last = ?", (self._drawn,))

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Around several writing statements; one alone is so by itself."""
        self.execute("SAVEPOINT operation")
        try:
            yield
        except REFUSALS:
            self.execute("ROLLBACK TO operation")
            self.execute("RELEASE operation")
            raise
        self.execute("RELEASE operation")


Operation = Callable[[Writing], T]


class _Job:
    """One operation and whoever waits for it. A bare lock wakes a thread in half the time of a Future."""

    def __init__(self, operation: Operation[Any]) -> None:
        self.operation = operation
        self.result: Any = None
        self.failure: Exception | None = None
        self._gate = threading.Lock()
        self._gate.acquire()

    def answer(self) -> None:
        self._gate.release()

    def wait(self) -> Any:
        with self._gate:
            if self.failure is not None:
                raise self.failure
            return self.result


class GroupCommitWriter:
    """Runs operations one after the other in its own thread and answers them when their commit is on disk.

    An operation that refuses fails alone: it does so before it writes, or inside `all_or_nothing`. What SQLite cannot
    do (disk full, locked) fails for the whole group, of which then nothing is kept.
    `upkeep` is asked after every group, and now and then without one, for an operation that nobody waits for.
    """

    def __init__(self, connection: sqlite3.Connection, upkeep: Callable[[], Operation[object] | None]) -> None:
        self._connection = connection
        self._upkeep = upkeep
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._entrance = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    def run(self, operation: Operation[T]) -> T:
        """The operation's result. Raises what the operation raised, Unavailable or OutOfSpace."""
        job = _Job(operation)
        with self._entrance:
            if self._is_closed:
                raise closed()
            self._queue.put(job)
        result: T = job.wait()
        return result

    def close(self) -> None:
        """What was asked for before is still written."""
        with self._entrance:
            if not self._is_closed:
                self._is_closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            is_open = True
            while is_open:
                group, is_open = self._next_group()
                self._commit(group)
                if (operation := self._upkeep()) is not None:
                    self._commit([_Job(operation)])
        finally:
            self._connection.close()
            self._turn_away()

    def _next_group(self) -> tuple[list[_Job], bool]:
        """All that waits, or nothing after IDLE_S; and whether more may come."""
        group: list[_Job] = []
        try:
            while len(group) < MAX_GROUP:
                job = self._queue.get_nowait() if group else self._queue.get(timeout=IDLE_S)
                if job is None:
                    return group, False
                group.append(job)
        except Empty:
            pass
        return group, True

    def _commit(self, group: list[_Job]) -> None:
        if not group:
            return
        try:
            self._transact(group)
        except sqlite3.Error as error:
            for job in group:
                job.failure = in_our_words(error) or error
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except BaseException:  # a bug: it ends this thread, and nobody may take that for an answer
            for job in group:
                job.failure = closed()
            raise
        finally:
            for job in group:
                job.answer()

    def _transact(self, group: list[_Job]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        writing = Writing(self._connection)
        for job in group:
            try:
                job.result = job.operation(writing)
            except REFUSALS as refusal:
                job.failure = refusal
        writing.save_versions()
        self._connection.execute("COMMIT")

    def _turn_away(self) -> None:
        """Whoever comes now, or still waits because an operation broke the thread, is told at once."""
        with self._entrance:
            self._is_closed = True
        while not self._queue.empty():
            job = self._queue.get_nowait()
            if job is not None:
                job.failure = closed()
                job.answer()
