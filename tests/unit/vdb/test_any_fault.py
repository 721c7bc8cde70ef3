"""Whatever dies or fails at whatever call: an answered write is there, any other is there whole or not at all."""

import contextlib
import itertools
import struct

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from llmanager.kernel.errors import Retryable
from llmanager.vdb.entities import Item, Vectors, Write
from llmanager.vdb.errors import WriteUnsettled
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.create import Creation, create
from llmanager.vdb.usecases.delete import delete
from llmanager.vdb.usecases.hibernate import hibernate
from llmanager.vdb.usecases.log import SegmentLog
from llmanager.vdb.usecases.read import list_items
from llmanager.vdb.usecases.restore import ready
from llmanager.vdb.usecases.sweep import Sweep, Tend
from llmanager.vdb.usecases.write import write
from tests.fakes.blobs import FakeBlobs
from tests.fakes.clock import FakeClock
from tests.fakes.exclusive import FakeExclusive
from tests.fakes.faults import Died, Fault, Faults
from tests.fakes.table import FakeTable
from tests.fakes.vector_store import FakeVectorStore
from tests.unit.vdb.usecases.world import refused

KEY = ("acme", "docs")
IDS = st.lists(st.sampled_from("abcdef"), max_size=4, unique=True)
FAULTS = st.none() | st.tuples(st.sampled_from(list(Fault)), st.integers(0, 16))
State = frozenset[tuple[str, str]]  # (id, text)
Change = tuple[frozenset[str], State]  # ids that it deletes, what it writes
Known = tuple[State, tuple[Change, ...]]  # a state, and unanswered writes that may still become visible, in order
MAX_UNANSWERED = 4


class AnyFault(RuleBasedStateMachine):
    """`known` is all that the collection's user can know: it is one of these. What was seen once never goes away."""

    @initialize()
    def begin(self) -> None:
        self.clock = FakeClock()
        self.table, self.store, self.blobs = FakeTable(self.clock), FakeVectorStore(), FakeBlobs()
        self.faults, self.has_gone_wrong = Faults(), False
        self.texts, self.ids = itertools.count(), itertools.count()
        self.known: set[Known] = {(frozenset(), ())}
        self.start()
        create(self.vdbs, Creation(*KEY, dim=1))

    def start(self) -> None:
        """A new process on what the old one left."""
        self.faults.revive()
        self.vdbs = Collections(
            table=self.faults.port(self.table),
            store=self.faults.port(self.store, lost=WriteUnsettled),
            log=SegmentLog(self.faults.port(self.blobs), "vdb"),
            clock=self.clock,
            new_id=lambda: f"id{next(self.ids):014}",
            exclusive=FakeExclusive(),
        )
        self.sweep = Sweep(self.vdbs)

    def tries(self, call, fault) -> bool:
        """Whether it was answered without an error."""
        if fault is not None:
            self.faults.arm(*fault)
        try:
            call()
        except Retryable:
            return False
        except Died:
            self.start()
            return False
        finally:
            self.has_gone_wrong |= fault is not None and self.faults.fault is None
            self.faults.fault = None
        return True

    @rule(written=IDS, deleted=IDS, fault=FAULTS)
    def write(self, written, deleted, fault) -> None:
        self.clock.advance(1)
        items = tuple(Item(id_, f"text {next(self.texts)}") for id_ in written)
        vectors = Vectors(1, b"".join(struct.pack("<f", n) for n, _ in enumerate(items))) if items else None
        change = frozenset(deleted), frozenset((item.id, item.text) for item in items)
        if self.tries(lambda: write(self.vdbs, KEY, Write(items, vectors, tuple(deleted))), fault):
            self.known = {(_changed(state, change), ()) for known in self.known for state, _ in _outcomes(known)}
        else:
            self.known = {(state, (*unanswered, change)) for state, unanswered in self.known}
        if any(len(unanswered) > MAX_UNANSWERED for _, unanswered in self.known):
            self.restore(None)

    @rule(fault=FAULTS)
    def hibernate(self, fault) -> None:
        self.tries(lambda: hibernate(self.vdbs, KEY), fault)

    @rule(fault=FAULTS)
    def restore(self, fault) -> None:
        """Once it is answered every write that will ever be visible is."""
        if self.tries(lambda: ready(self.vdbs, KEY), fault):
            self.known = {(self.read(), ())}

    @rule(fault=FAULTS)
    def care(self, fault) -> None:
        self.tries(self.sweep, fault)

    @rule(fault=FAULTS)
    def tend(self, fault) -> None:
        self.clock.advance(60)
        self.tries(Tend(self.vdbs), fault)

    @rule()
    def lose_the_index(self) -> None:
        with contextlib.suppress(KeyError):
            self.store.lose(self.vdbs.require(KEY).resource)

    @rule(gone=FAULTS, made=FAULTS)
    def delete_and_create_anew(self, gone, made) -> None:
        before = self.vdbs.require(KEY).resource
        self.tries(lambda: delete(self.vdbs, KEY), gone)
        if self.vdbs.find(KEY) is None:
            self.tries(lambda: create(self.vdbs, Creation(*KEY, dim=1)), made)
        if self.vdbs.find(KEY) is None:
            create(self.vdbs, Creation(*KEY, dim=1))
        if self.vdbs.require(KEY).resource != before:
            self.known = {(frozenset(), ())}

    @rule()
    def look(self) -> None:
        self.read()

    def read(self) -> State:
        page = list_items(self.vdbs, KEY, limit=200)
        seen = frozenset((item.id, item.text) for item in page.items)
        self.known = {outcome for known in self.known for outcome in _outcomes(known) if outcome[0] == seen}
        assert self.known, seen
        return seen

    def teardown(self) -> None:
        """What is left behind is found: only what rows tell of stays, and of that nothing after a delete."""
        self.start()
        self.sweep()
        before = self.read()
        hibernate(self.vdbs, KEY)
        assert self.read() == before
        self.sweep()
        self.sweep()
        resource = self.vdbs.require(KEY).resource
        assert set(self.store.indexes()) == {resource}
        assert set(self.vdbs.log.resources()) <= {resource}
        delete(self.vdbs, KEY)
        assert (self.store.indexes(), self.vdbs.log.resources()) == ((), ())
        assert {row.partition for row in self.table.scan(limit=1000).rows} == {"gone#", "fleet#"}


def _outcomes(known: Known) -> list[Known]:
    """Each that may have come of it: some of the unanswered writes took effect, and only later ones still may."""
    _, unanswered = known
    outcomes = [known]
    for number, change in enumerate(unanswered):
        outcomes += [
            (_changed(before, change), unanswered[number + 1 :])
            for before, rest in list(outcomes)
            if len(rest) >= len(unanswered) - number
        ]
    return outcomes


def _changed(state: State, change: Change) -> State:
    deleted, written = change
    kept = {id_: text for id_, text in state if id_ not in deleted}
    return frozenset({**kept, **dict(written)}.items())


TestAnyFault = AnyFault.TestCase
TestAnyFault.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)


def half_written(machine: AnyFault) -> None:
    """Logged, and not in the index."""
    machine.store.before_apply = refused(Died())
    machine.write(["c"], [], None)


ACTS = {
    "write": lambda m, fault: m.write(["a", "c"], ["b"], fault),
    "write to a sleeper": lambda m, fault: (m.hibernate(None), m.write(["a", "c"], ["b"], fault)),
    "hibernate": lambda m, fault: m.hibernate(fault),
    "restore": lambda m, fault: (m.hibernate(None), m.restore(fault)),
    "mend": lambda m, fault: (m.lose_the_index(), m.write(["c"], [], fault)),
    "care": lambda m, fault: (half_written(m), m.care(fault)),
    "tend": lambda m, fault: m.tend(fault),
    "delete": lambda m, fault: m.delete_and_create_anew(fault, None),
    "create": lambda m, fault: m.delete_and_create_anew(None, fault),
}


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("act", ACTS)
def test_one_fault_at_each_call_in_turn(act, fault):
    after_calls, was_reached = 0, True
    while was_reached:
        machine = AnyFault()
        machine.begin()
        machine.write(["a", "b"], [], None)
        machine.write(["b"], [], None)
        ACTS[act](machine, (fault, after_calls))
        was_reached = machine.has_gone_wrong
        machine.look()
        machine.restore(None)
        machine.write(["d"], ["a"], None)
        machine.look()
        machine.teardown()
        after_calls += 1
    assert after_calls > 5
