"""One collection, the real use cases over it, and the judge: nothing lost, nothing half there, nothing left behind.

`add` and `query` are their synchronous cores, `write` and `list_items`: event loops do not go into greenlets.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import combinations_with_replacement
from typing import Any

from llmanager.kernel.orphans import OrphansInDoubt
from llmanager.kernel.table import Put, Row
from llmanager.vdb import rows
from llmanager.vdb.entities import Item, Vectors, Write
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.create import Creation, create
from llmanager.vdb.usecases.delete import delete
from llmanager.vdb.usecases.hibernate import hibernate
from llmanager.vdb.usecases.log import SegmentLog
from llmanager.vdb.usecases.read import list_items
from llmanager.vdb.usecases.sweep import Sweep
from llmanager.vdb.usecases.write import write
from tests.fakes.blobs import FakeBlobs
from tests.fakes.clock import FakeClock
from tests.fakes.vector_store import FakeVectorStore
from tests.fakes.vector_store import _Index as Index
from tests.simulation.execution import Outcome, Scenario, Violation
from tests.simulation.fingerprints import fingerprint
from tests.simulation.gate import Gate
from tests.simulation.ports import SimTable
from tests.simulation.vdb_ports import STORE, TABLE, GatedBlobs, GatedExclusive, GatedPort, GatedStore

KEY = ("acme", "docs")
SLEEP_AFTER_S, DELETE_AFTER_S = 100, 10_000
OLD = ("a1", "a2")  # written, and answered, before anything begins
PAIR = 2  # items of every write: one alone is half a write


class VdbWorld:
    """`has_collection`: there is one, with items, unused for just long enough to be due for sleep (or for its end)."""

    def __init__(self, gate: Gate, *, has_collection: bool = True, idle_s: float = SLEEP_AFTER_S) -> None:
        self.gate, self.clock = gate, FakeClock()
        self.table, self.store, self.blobs = SimTable(self.clock), FakeVectorStore(), FakeBlobs()
        self.exclusive, self.made, self.found_now = GatedExclusive(gate), 0, list[Violation]()
        self.prepare()
        self.vdbs = Collections(
            table=GatedPort(gate, "table", self.table, TABLE, self._watch),
            store=GatedStore(gate, "store", self.store, STORE),
            log=SegmentLog(GatedBlobs(gate, self.blobs), "vdb"),
            clock=self.clock,
            new_id=self._new_id,
            exclusive=self.exclusive,
        )
        self.has_collection, self.may_end = has_collection, idle_s >= DELETE_AFTER_S
        self.idle_s = idle_s

    def begin(self, *, is_asleep: bool) -> None:
        """What was before anybody came: done once, then restored."""
        if self.has_collection:
            self.create()
            self.add("a")
            self.clock.advance(self.idle_s)
        if is_asleep:
            self.hibernate()

    def snapshot(self) -> Any:
        indexes = {name: (i.shape, dict(i.rows), frozenset(i.fields)) for name, i in self.store._indexes.items()}
        return self.table.snapshot(), indexes, dict(self.blobs._blobs), self.clock.now(), self.made

    def restore(self, snapshot: Any) -> None:
        table, indexes, blobs, now, self.made = snapshot
        self.table.restore(table)
        self.store._indexes = {name: Index(shape, dict(of), set(f)) for name, (shape, of, f) in indexes.items()}
        self.blobs._blobs = dict(blobs)
        self.clock.set(now)

    def prepare(self) -> None:
        """For worlds that are broken on purpose."""

    def digest(self) -> bytes:
        return fingerprint(
            self.table.state(),
            [
                (name, self.store._indexes[name].rows, sorted(self.store._indexes[name].fields))
                for name in self._indexes()
            ],
            sorted(self.blobs._blobs.items()),
            self.exclusive.holders() if isinstance(self.exclusive, GatedExclusive) else None,
            (self.clock.now().isoformat(), self.made, [v.kind for v in self.found_now]),
        )

    # --- what processes do

    def create(self) -> None:
        create(self.vdbs, Creation(*KEY, dim=1, sleep_after_s=SLEEP_AFTER_S, delete_after_s=DELETE_AFTER_S))

    def add(self, letter: str = "b") -> tuple[str, ...]:
        ids = tuple(f"{letter}{n + 1}" for n in range(PAIR))
        vectors = Vectors(1, b"".join(struct.pack("<f", 1.0 + n) for n in range(PAIR)))
        write(self.vdbs, KEY, Write(tuple(Item(id_, f"text of {id_}") for id_ in ids), vectors))
        return ids

    def query(self) -> tuple[str, ...]:
        return tuple(item.id for item in list_items(self.vdbs, KEY, limit=100).items)

    def hibernate(self) -> None:
        hibernate(self.vdbs, KEY)

    def delete(self) -> None:
        delete(self.vdbs, KEY)

    def sweep(self) -> None:
        """Two rounds: what nobody owns goes with the second."""
        care = Sweep(self.vdbs)
        care()
        care()

    # --- the judge

    def violations_now(self) -> Sequence[Violation]:
        return self.found_now

    def recover(self) -> None:
        """A new server, a moment later, finishes what was left."""
        with suppress(OrphansInDoubt):  # told as a leak
            self.sweep()

    def violations(self, outcomes: Sequence[Outcome]) -> Iterator[Violation]:
        yield from self._leaks()
        answered = [outcome for outcome in outcomes if outcome.how == "returned"]
        for outcome in answered:
            if outcome.name.startswith("query"):
                yield from _halves(outcome.value, "a query saw")
        is_there = self.vdbs.find(KEY) is not None
        names = {outcome.name.partition("-")[0] for outcome in answered}
        tried = {outcome.name.partition("-")[0] for outcome in outcomes}
        if is_there and "delete" in names and self.has_collection and "create" not in tried:
            yield Violation("undead", "a deleted collection is there again")
        if not is_there and "delete" not in tried and not self.may_end and (self.has_collection or "create" in names):
            yield Violation("lost", "the collection is gone, and nobody deleted it")
        if not self.has_collection and sum(o.name.startswith("create") for o in answered) > 1 and "delete" not in tried:
            yield Violation("twice", "one name was created twice")
        if is_there and not {"delete", "create"} <= tried:  # else it may be the old or the new one
            yield from self._contents(answered, "found")
            self.hibernate()
            yield from self._contents(answered, "restored from the segments alone")

    def _contents(self, answered: Sequence[Outcome], how: str) -> Iterator[Violation]:
        found = self.query()
        yield from _halves(found, how)
        wanted = set(OLD) if self.has_collection else set()
        for outcome in answered:
            if outcome.name.startswith("add"):
                wanted.update(outcome.value)
        if missing := sorted(wanted.difference(found)):
            yield Violation("lost", f"{missing} were answered and are not {how}")

    def _leaks(self) -> Iterator[Violation]:
        alive = {c.resource for c in self.vdbs.every()}
        for collection in self.vdbs.every():
            if collection.is_deleting:
                yield Violation("leak", "a delete is never finished")
        for resource in sorted({*self.store.indexes(), *self.vdbs.log.resources()} - alive):
            yield Violation("leak", f"an index or segments of {resource} are nobody's")
        for partition, sort in sorted(self.table._rows):
            if partition.startswith(("index#", "use#")) and sort not in alive:
                yield Violation("leak", f"the row {partition} {sort} is nobody's")

    def _watch(self, method: str, args: tuple[Any, ...]) -> None:
        """What a rule about idleness did, looked at in the very moment that it took effect."""
        puts = [args[0]] if method == "put" else [a.row for a in args[0] if isinstance(a, Put)] if args else []
        for row in puts if method in ("put", "transact") else ():
            last = row.body["events"][-1] if isinstance(row, Row) and row.body.get("events") else {}
            why = str(last.get("why", ""))
            if last.get("at") != self.clock.now().isoformat().replace("+00:00", "Z"):
                continue
            if row.partition.startswith("index#") and row.body["state"] == "asleep" and why.startswith("idle"):
                self._check_unused(row.sort, SLEEP_AFTER_S, "hibernated")
            if row.partition.startswith("collection#") and row.body["is_deleting"] and why.startswith("unused"):
                self._check_unused(row.body["resource"], DELETE_AFTER_S, "deleted")

    def _check_unused(self, resource: str, limit_s: int, what: str) -> None:
        use = rows.to_use(self.table.get(rows.use_partition(KEY[0]), resource))
        if use.last_used_at is not None and use.last_used_at + timedelta(seconds=limit_s) > self.clock.now():
            self.found_now.append(Violation("used-and-idle", f"in use, and {what} for being idle"))

    def _new_id(self) -> str:
        self.made += 1
        self.gate.saw(self.made)
        return f"id{self.made:014d}"

    def _indexes(self) -> list[str]:
        return sorted(self.store._indexes)


def _halves(ids: Sequence[str], where: str) -> Iterator[Violation]:
    for letter in "ab":
        seen = [id_ for id_ in ids if id_.startswith(letter)]
        if len(seen) not in (0, PAIR):
            yield Violation("half", f"{where} {seen} of {PAIR} that were written together")


OPERATIONS: dict[str, Callable[[VdbWorld], object]] = {
    "create": VdbWorld.create,
    "add": VdbWorld.add,
    "query": VdbWorld.query,
    "hibernate": VdbWorld.hibernate,
    "delete": VdbWorld.delete,
    "sweep": VdbWorld.sweep,
}


class Prepared:
    """Builds a world like the first one that it built."""

    def __init__(
        self,
        kind: type[VdbWorld] = VdbWorld,
        *,
        has_collection: bool = True,
        idle_s: float = SLEEP_AFTER_S,
        is_asleep: bool = False,
    ) -> None:
        self._new = partial(kind, has_collection=has_collection, idle_s=idle_s)
        self._is_asleep, self._snapshot = is_asleep, None

    def anew(self) -> "Prepared":
        """One that lives through it again."""
        made = Prepared()
        made._new, made._is_asleep = self._new, self._is_asleep
        return made

    def __call__(self, gate: Gate) -> VdbWorld:
        world = self._new(gate)
        if self._snapshot is None:
            world.begin(is_asleep=self._is_asleep)
            self._snapshot = world.snapshot()
        else:
            world.restore(self._snapshot)
        return world


EMPTY = Prepared(has_collection=False)
IDLE = Prepared()
UNWANTED = Prepared(idle_s=DELETE_AFTER_S)
ASLEEP = Prepared(idle_s=1, is_asleep=True)


def _scenario(prefix: str, build: Callable[[Gate], VdbWorld], *names: str) -> Scenario:
    operations = {}
    for name in names:
        operations[name if name not in operations else f"{name}-2"] = OPERATIONS[name]
    return Scenario(f"vdb-{prefix}-{'+'.join(operations)}", build, operations)


PAIRS = list(combinations_with_replacement(OPERATIONS, 2))
VDB_SCENARIOS: tuple[Scenario, ...] = (
    *(_scenario("new", EMPTY, *pair) for pair in PAIRS if "create" in pair),
    *(_scenario("idle", IDLE, *pair) for pair in PAIRS if "create" not in pair),
    *(_scenario("asleep", ASLEEP, *pair) for pair in PAIRS if "create" not in pair and {"add", "query"} & set(pair)),
    *(_scenario("unwanted", UNWANTED, "sweep", other) for other in ("add", "query", "sweep")),
    _scenario("idle", IDLE, "delete", "create"),
)
