"""The ports that the product's code holds, with the gate before each call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from llmanager.kernel.errors import Throttled, Unavailable
from llmanager.kernel.table import Action, Delete, Expect, Row, RowPage, ScanPage
from llmanager.kernel.table_rules import check, is_live, key_of
from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable
from tests.simulation.gate import READ, WRITE, Fault, Gate, faulty

T = TypeVar("T")


class SimTable(FakeTable):
    """A FakeTable that trusts its callers, for speed: bodies are neither checked nor copied.

    Versions are counted by key, so that writes to different rows give the same state in either order.
    """

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self._last: dict[tuple[str, str], int] = {}
        self.on_delete: Callable[[str, str], None] = lambda partition, sort: None  # told right before a row goes

    def get(self, partition: str, sort: str) -> Row | None:
        row = self._rows.get((partition, sort))
        return row if row is not None and is_live(row, self._clock.now()) else None

    def transact(self, actions: Sequence[Action]) -> tuple[Row | None, ...]:
        for action in actions:
            check(action.expect, self._version(*key_of(action)))
        for action in actions:
            if isinstance(action, Delete):
                self.on_delete(action.partition, action.sort)
        return tuple([self._apply(action) for action in actions])

    def _store(self, row: Row) -> Row:
        key = (row.partition, row.sort)
        self._last[key] = version = self._last.get(key, 0) + 1
        self._rows[key] = stored = Row(row.partition, row.sort, row.body, version, row.expires_at)
        return stored

    def _live(self) -> list[Row]:
        now = self._clock.now()
        return [row for _, row in sorted(self._rows.items()) if is_live(row, now)]

    def snapshot(self) -> Any:
        return dict(self._rows), dict(self._last)

    def restore(self, snapshot: Any) -> None:
        self._rows, self._last = dict(snapshot[0]), dict(snapshot[1])

    def state(self) -> tuple[object, ...]:
        rows = [(r.partition, r.sort, r.version, r.expires_at, r.body) for _, r in sorted(self._rows.items())]
        return (rows, sorted(self._last.items()))


def refused() -> Exception:
    return Throttled("The explorer refused it.")


def lost() -> Exception:
    return Unavailable("The explorer lost the answer.")


@dataclass(frozen=True)
class GatedTable:
    """A Table. Bodies are shared, not copied: the code under test never changes one."""

    gate: Gate
    table: SimTable

    def get(self, partition: str, sort: str) -> Row | None:
        return self._call(f"get {partition.partition('#')[0]}", lambda: self.table.get(partition, sort), READ)

    def put(self, row: Row, expect: Expect = "any") -> Row:
        return self._call(f"put {row.partition.partition('#')[0]}", lambda: self.table.put(row, expect))

    def delete(self, partition: str, sort: str, expect: Expect = "any") -> None:
        kind = partition.partition("#")[0]
        return self._call(f"delete {kind}", lambda: self.table.delete(partition, sort, expect))

    def query(self, partition: str, **how: Any) -> RowPage:
        return self._call(f"query {partition}", lambda: self.table.query(partition, **how), READ)

    def scan(self, *, after: tuple[str, str] | None = None, limit: int = 100) -> ScanPage:
        return self._call("scan", lambda: self.table.scan(after=after, limit=limit), READ)

    def transact(self, actions: Sequence[Action]) -> tuple[Row | None, ...]:
        return self._call("transact", lambda: self.table.transact(actions))

    def add(self, partition: str, sort: str, amount: int = 1, **how: Any) -> int:
        return self._call("add", lambda: self.table.add(partition, sort, amount, **how))

    def _call(self, name: str, effect: Callable[[], T], faults: tuple[Fault, ...] = WRITE) -> T:
        return faulty(self.gate, f"table.{name}", effect, refused, lost, faults)


@dataclass(frozen=True)
class SeenClock:
    """A Clock: every reading is told to the gate. `skew_s`: this process' clock is off by so much."""

    gate: Gate
    clock: FakeClock
    skew_s: float = 0.0

    def now(self) -> datetime:
        now = self.clock.now() + timedelta(seconds=self.skew_s)
        self.gate.saw(now)
        return now

    def monotonic_s(self) -> float:
        now_s = self.clock.monotonic_s()
        self.gate.saw(now_s)
        return now_s


class GatedHost:
    """A ModelHost whose calls may fail in every way. `on_effect` is told of each change right before it happens."""

    READS = frozenset({"observe", "resources", "gpu_percent", "quote"})
    WRITES = frozenset({"start", "stop", "park", "revise", "hold_range", "retag", "remove"})

    def __init__(self, gate: Gate, host: Any, on_effect: Callable[[str, tuple[Any, ...]], None]) -> None:
        self._gate, self._host, self._on_effect = gate, host, on_effect
        self.traits = host.traits

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._host, name)
        if name in self.READS:
            return lambda *args: faulty(self._gate, f"host.{name}", partial(method, *args), refused, lost, READ)
        if name in self.WRITES:
            return partial(self._change, name, method)
        return method

    def _change(self, name: str, method: Callable[..., Any], *args: Any) -> Any:
        def effect() -> Any:
            self._on_effect(name, args)
            return method(*args)

        return faulty(self._gate, f"host.{name}", effect, refused, lost)
