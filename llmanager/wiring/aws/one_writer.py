"""The port Exclusive where many processes write: a row that its holder renews, and that runs out when it dies.

A holder may be stopped for minutes and go on without knowing. So it takes itself for one only while its own clock
says so, some time less than the row tells the others, and everything that writes asks `check` right before.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import structlog

from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import Conflict, LLManagerError, Retryable, Throttled
from llmanager.kernel.ids import NewId
from llmanager.kernel.table import Table
from llmanager.vdb import rows

LEASE_S = 60.0
RENEW_EVERY_S = 15.0
CLOCK_SKEW_S = 10.0  # by which the clocks of two functions may differ: the row stands that longer
WAIT_S = 15.0  # a request has 29 s in all
POLL_S = 0.25

log = structlog.get_logger()


class WriterLost(Throttled):
    code = "writer_lost"

    def __init__(self) -> None:
        super().__init__("This write took so long that others may write now; it was given up. Try again.")


class _Turn:
    """Of one thread with one collection."""

    def __init__(self, resource: str, holder: str) -> None:
        self.resource, self.holder = resource, holder
        self.version = 0
        self.sure_until_s = 0.0
        self.is_over = threading.Event()
        self.writing = threading.Lock()  # a renewal and the end never cross


class LeasedWriter:
    """Whoever has a collection may not ask for it again. What `check` raises ends the waiting and the work."""

    def __init__(
        self,
        table: Table,
        clock: Clock,
        new_id: NewId,
        *,
        check: Callable[[], None] = lambda: None,
        wait_s: float = WAIT_S,
        poll_s: float = POLL_S,
        renew_every_s: float = RENEW_EVERY_S,
    ) -> None:
        self._table, self._clock, self._new_id, self._check = table, clock, new_id, check
        self._wait_s, self._poll_s, self._renew_every_s = wait_s, poll_s, renew_every_s
        self._mine = threading.local()

    @contextmanager
    def __call__(self, resource: str) -> Iterator[None]:
        turn = self._acquired(resource)
        keeping = threading.Thread(target=self._keep, args=(turn,), name="writer-lease", daemon=True)
        turns = self._turns()
        turns.append(turn)
        keeping.start()
        try:
            yield
        finally:
            turns.remove(turn)
            self._release(turn)

    def check(self) -> None:
        """Before whatever writes, and between two steps. Raises WriterLost once this thread may not be alone."""
        self._check()
        now_s = self._clock.monotonic_s()
        if any(now_s >= turn.sure_until_s for turn in self._turns()):
            raise WriterLost

    def _turns(self) -> list[_Turn]:
        if not hasattr(self._mine, "turns"):
            self._mine.turns = []
        turns: list[_Turn] = self._mine.turns
        return turns

    def _acquired(self, resource: str) -> _Turn:
        end_s = time.monotonic() + self._wait_s
        turn = _Turn(resource, self._new_id())
        while True:
            self._check()
            failure: LLManagerError = Throttled(
                "Others are writing to this vector database. Try again in a moment.", retry_after_s=5
            )
            try:
                self._write(turn)
            except Conflict:
                pass
            except Retryable as error:  # it may be written all the same: the next look tells
                failure = error
            else:
                return turn
            if time.monotonic() >= end_s:
                raise failure
            time.sleep(self._poll_s * random.uniform(0.5, 1.5))

    def _write(self, turn: _Turn) -> None:
        """Begin or renew it. Raises Conflict where it is another's."""
        asked_at_s = self._clock.monotonic_s()
        until = self._clock.now() + timedelta(seconds=LEASE_S + CLOCK_SKEW_S)
        row = rows.writer_row(turn.resource, turn.holder, until)
        try:
            written = self._table.put(row, turn.version or "absent")
        except Conflict:
            found = self._table.get(row.partition, row.sort)
            if found is None or found.body["holder"] != turn.holder:
                raise
            written = self._table.put(row, found.version)  # ours, by a write whose answer was lost
        turn.version, turn.sure_until_s = written.version, asked_at_s + LEASE_S

    def _keep(self, turn: _Turn) -> None:
        while not turn.is_over.wait(self._renew_every_s):
            with turn.writing:
                if turn.is_over.is_set():
                    return
                try:
                    self._write(turn)
                except Retryable:
                    continue  # there is time for another try; without one `check` says so in time
                except LLManagerError as error:
                    turn.sure_until_s = 0.0
                    log.warning("a collection is another writer's by now", resource=turn.resource, why=error.code)
                    return

    def _release(self, turn: _Turn) -> None:
        turn.is_over.set()
        with turn.writing, suppress(Conflict, Retryable):  # it is another's, or runs out by itself
            self._table.delete(rows.WRITERS, turn.resource, turn.version)
