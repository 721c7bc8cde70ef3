"""A Table in a dict: as strict as an adapter, with hooks for the worst moments."""

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.table import Action, Check, Delete, Expect, Put, Row, RowPage, ScanPage
from llmanager.kernel.table_rules import added, check, decoded, encoded, encoded_actions, is_live, key_of
from tests.fakes.clock import FakeClock

Key = tuple[str, str]
Hook = Callable[[Sequence[Action]], None]


def _nothing(_: Sequence[Action]) -> None: ...


class FakeTable:
    """Passes tests/contracts/test_table.py.

    `before_write` runs once, just before the next put, delete or transact: act there between a read and its write, or
    raise to have the write refused. `after_write` runs once, just after: raise there and the write took effect while
    its answer was lost. Both are given the actions and may use the table. `add` calls neither.
    `down` makes every call raise it, until it is None again.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or FakeClock()
        self._rows: dict[Key, Row] = {}
        self._versions = itertools.count(1)
        self._lock = threading.RLock()
        self.before_write: Hook = _nothing
        self.after_write: Hook = _nothing
        self.down: LLManagerError | None = None

    def get(self, partition: str, sort: str) -> Row | None:
        self._check_up()
        with self._lock:
            row = self._rows.get((partition, sort))
            if row is None or not is_live(row, self._clock.now()):
                return None
            return _copied(row)

    def put(self, row: Row, expect: Expect = "any") -> Row:
        (written,) = self.transact([Put(row, expect)])
        assert written is not None
        return written

    def delete(self, partition: str, sort: str, expect: Expect = "any") -> None:
        self.transact([Delete(partition, sort, expect)])

    def transact(self, actions: Sequence[Action]) -> tuple[Row | None, ...]:
        self._check_up()
        encoded_actions(actions)
        act, self.before_write = self.before_write, _nothing
        act(actions)
        with self._lock:
            for action in actions:
                check(action.expect, self._version(*key_of(action)))
            written = tuple(self._apply(action) for action in actions)
        act, self.after_write = self.after_write, _nothing
        act(actions)
        return written

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        after: str | None = None,
        until: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> RowPage:
        first, last = (until, after) if newest_first else (after, until)

        def is_wanted(row: Row) -> bool:
            return (
                row.partition == partition
                and row.sort.startswith(prefix)
                and (first is None or row.sort >= first)
                and (last is None or row.sort <= last)
                and row.sort != after
            )

        rows = [row for row in self._live() if is_wanted(row)]
        if newest_first:
            rows.reverse()
        return RowPage(tuple(rows[:limit]), rows[limit - 1].sort if len(rows) > limit else None)

    def scan(self, *, after: Key | None = None, limit: int = 100) -> ScanPage:
        rows = [row for row in self._live() if after is None or (row.partition, row.sort) > after]
        last = rows[limit - 1] if len(rows) > limit else None
        return ScanPage(tuple(rows[:limit]), (last.partition, last.sort) if last else None)

    def add(self, partition: str, sort: str, amount: int = 1, *, expires_at: datetime | None = None) -> int:
        with self._lock:
            row = added(self.get(partition, sort) or Row(partition, sort), amount, expires_at)
            self._store(row)
            value: int = row.body["value"]
            return value

    def _check_up(self) -> None:
        if self.down is not None:
            raise self.down

    def _live(self) -> list[Row]:
        self._check_up()
        with self._lock:
            return [_copied(row) for _, row in sorted(self._rows.items()) if is_live(row, self._clock.now())]

    def _version(self, partition: str, sort: str) -> int | None:
        row = self.get(partition, sort)
        return row.version if row else None

    def _apply(self, action: Action) -> Row | None:
        match action:
            case Put(row):
                return self._store(row)
            case Delete(partition, sort):
                self._rows.pop((partition, sort), None)
            case Check():
                pass
        return None

    def _store(self, row: Row) -> Row:
        expires_at = row.expires_at and row.expires_at.astimezone(UTC)
        stored = replace(_copied(row), version=next(self._versions), expires_at=expires_at)
        self._rows[row.partition, row.sort] = stored
        return _copied(stored)


def _copied(row: Row) -> Row:
    """Through JSON, so that nobody changes a stored body by changing his own."""
    return replace(row, body=decoded(encoded(row.body)))
