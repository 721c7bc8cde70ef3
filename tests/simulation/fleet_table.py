"""The registry's table of a fleet: one for all, seen by each machine through its own clock and its own mishaps."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta

from llmanager.kernel.table import Action, Delete, Row, ScanPage
from llmanager.kernel.table_rules import is_live, key_of
from llmanager.models import rows
from llmanager.models.entities import Model
from tests.fakes.clock import FakeClock
from tests.simulation.ports import SimTable


@dataclass(frozen=True)
class SkewedClock:
    """A Clock of a machine that is off by so much. Durations are right everywhere."""

    clock: FakeClock
    skew_s: float = 0.0

    def now(self) -> datetime:
        return self.clock.now() + timedelta(seconds=self.skew_s)

    def monotonic_s(self) -> float:
        return self.clock.monotonic_s()


class FleetTable(SimTable):
    """One table of many rows, quick to scan. `seen_by` gives the view of a machine with a clock of its own."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self._keys: list[tuple[str, str]] = []
        self.trouble: Callable[[bool], Exception | None] = lambda is_after: None
        self.dropped: list[tuple[Model, datetime]] = []

    def seen_by(self, clock: SkewedClock, trouble: Callable[[bool], Exception | None]) -> "FleetTable":
        view = copy(self)
        view._clock, view.trouble = clock, trouble
        return view

    def get(self, partition: str, sort: str) -> Row | None:
        self._ask(is_after=False)
        return super().get(partition, sort)

    def transact(self, actions: Sequence[Action]) -> tuple[Row | None, ...]:
        self._ask(is_after=False)
        for action in actions:
            self._note_drop(action)
        written = super().transact(actions)
        self._ask(is_after=True)
        return written

    def _ask(self, *, is_after: bool) -> None:
        trouble = self.trouble(is_after)
        if trouble is not None:
            raise trouble

    def _version(self, partition: str, sort: str) -> int | None:
        row = super().get(partition, sort)
        return row.version if row else None

    def scan(self, *, after: tuple[str, str] | None = None, limit: int = 100) -> ScanPage:
        self._ask(is_after=False)
        now, found = self._clock.now(), []
        for at in range(0 if after is None else bisect_right(self._keys, after), len(self._keys)):
            row = self._rows[self._keys[at]]
            if is_live(row, now):
                found.append(row)
                if len(found) > limit:
                    last = found[limit - 1]
                    return ScanPage(tuple(found[:limit]), (last.partition, last.sort))
        return ScanPage(tuple(found), None)

    def _store(self, row: Row) -> Row:
        key = (row.partition, row.sort)
        if key not in self._rows:
            insort(self._keys, key)
        return super()._store(row)

    def _apply(self, action: Action) -> Row | None:
        if isinstance(action, Delete) and key_of(action) in self._rows:
            del self._keys[bisect_left(self._keys, key_of(action))]
        return super()._apply(action)

    def _note_drop(self, action: Action) -> None:
        if isinstance(action, Delete) and action.partition.startswith("model#"):
            row = super().get(action.partition, action.sort)
            if row is not None and row.version == action.expect:
                self.dropped.append((rows.to_model(row), self._clock.now()))

    def forget_expired(self) -> None:
        """As DynamoDB does some time after a row's expiry."""
        for key in set(self._keys) - set(alive := self.alive()):
            del self._rows[key]
        self._keys[:] = alive

    def alive(self) -> list[tuple[str, str]]:
        now = self._clock.now()
        return [key for key in self._keys if is_live(self._rows[key], now)]
