"""Whatever dies when: a replay gives every write that was answered, no half of any, in order."""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmanager.kernel.errors import Unavailable
from llmanager.vdb.compaction import Policy, Tier
from llmanager.vdb.entities import Item, Write
from llmanager.vdb.usecases.log import SegmentLog
from tests.fakes.blobs import FakeBlobs
from tests.unit.vdb.log_samples import applied, replayed, write


class Crash(BaseException):
    """The process is gone, so nothing is cleaned up."""


@dataclass(frozen=True)
class Fault:
    at: int  # which call on the blobs, from 0
    is_after: bool  # it took effect, and only its answer is lost
    is_death: bool  # no call works from then on; otherwise this one fails


FAULTS = st.builds(Fault, st.integers(0, 25), st.booleans(), st.booleans())


class World:
    """A log, what it must say, and (if it `watches`) a look at it around every call on its blobs."""

    def __init__(self, policy: Policy, inline_bytes: int, *, watches: bool) -> None:
        self.watches = watches
        self.blobs = FakeBlobs()
        self.log = SegmentLog(self.blobs, "vdb", policy, inline_bytes)
        self.allowed = [{}]  # the models that a replay may give now
        self.seq = 0

    def write(self, change: Write, fault: Fault | None = None) -> None:
        self.seq += 1
        (before,) = self.allowed
        after = applied(before, change)
        self.allowed = [before, after]
        is_done = self._run(lambda: self.log.append("r", self.seq, change), fault)
        found = replayed(self.log)
        assert found == after if is_done else found in self.allowed
        self.allowed = [found]

    def compact(self, fault: Fault | None = None, *, knows_count: bool = False) -> bool:
        (model,) = self.allowed
        live_items = len(model) if knows_count else None
        is_done = self._run(lambda: self.log.compact("r", live_items=live_items), fault)
        assert replayed(self.log) == model
        return is_done

    def _run(self, act: Callable[[], object], fault: Fault | None) -> bool:
        """Whether it was answered."""
        calls = itertools.count()

        def at_each_end(*, is_after: bool) -> Callable[[str, str], None]:
            def look(call: str, key: str) -> None:
                number = next(calls) if not is_after else self.number
                self.number = number
                if self.watches:
                    self._check()
                if fault and fault.is_after == is_after and number == fault.at:
                    raise Crash if fault.is_death else Unavailable("Broken.")
                if fault and fault.is_death and number > fault.at:
                    raise Crash

            return look

        self.blobs.before, self.blobs.after = at_each_end(is_after=False), at_each_end(is_after=True)
        try:
            act()
        except (Crash, Unavailable):
            return False
        finally:
            self.blobs.before = self.blobs.after = lambda *_: None
        return True

    def _check(self) -> None:
        hooks = self.blobs.before, self.blobs.after
        self.blobs.before = self.blobs.after = lambda *_: None
        assert replayed(self.log) in self.allowed
        self.blobs.before, self.blobs.after = hooks

    def check_that_nothing_is_left_over(self) -> None:
        live = [f"vdb/r/{segment.span}." for segment in self.log.segments("r")]
        assert all(info.key.startswith(tuple(live)) for info in self.blobs.list(""))


LARGE = random.Random(0).randbytes(400).hex()  # packs badly
IDS = st.sampled_from("abcdef")
ITEMS = st.builds(Item, IDS, st.sampled_from(["", "text", LARGE]), st.just({"n": 0.1}))
CHANGES = st.builds(
    lambda items, deleted, seed: write(*items, deleted=deleted, seed=seed),
    st.lists(ITEMS, max_size=3),
    st.lists(IDS, max_size=2),
    st.integers(0, 1000),
)
STEPS = st.one_of(
    st.tuples(st.just("write"), CHANGES, st.none() | FAULTS),
    st.tuples(st.just("write"), CHANGES, st.none()),
    st.tuples(st.just("compact"), st.booleans(), st.none() | FAULTS),
)
POLICIES = st.builds(
    lambda below, neighbours, most: Policy((Tier(below, neighbours),), most),
    st.sampled_from([400, 400, 10_000]),  # without LARGE, with it
    st.integers(2, 4),
    st.sampled_from([1000, 100_000]),
)


@settings(max_examples=120, deadline=None)
@given(steps=st.lists(STEPS, max_size=14), policy=POLICIES, inline_bytes=st.sampled_from([0, 120, 16 * 1024]))
def test_a_replay_is_what_was_answered_whatever_is_written_merged_and_interrupted(steps, policy, inline_bytes):
    world = World(policy, inline_bytes, watches=True)
    for kind, what, fault in steps:
        if kind == "write":
            world.write(what, fault)
        else:
            world.compact(fault, knows_count=what)
    assert world.compact(knows_count=True)
    world.check_that_nothing_is_left_over()


def filled(inline_bytes: int) -> World:
    """Two runs to merge around a segment most of which is dead."""
    world = World(Policy((Tier(400, 3),), 100_000), inline_bytes, watches=False)
    for n in range(3):
        world.write(write(Item(f"{n}"), Item("same", f"{n}"), deleted=["1"], seed=n))
    world.write(write(*(Item(f"{n}", f"{n}" * 40) for n in range(8)), dim=2, seed=9))
    world.write(write(*(Item(f"{n}") for n in range(5)), deleted=["5", "6"], seed=10))
    for n in range(3):
        world.write(write(Item("same", f"new {n}"), deleted=["2"], seed=20 + n))
    return world


@pytest.mark.parametrize("inline_bytes", [0, 16 * 1024])
@pytest.mark.parametrize("is_death", [True, False])
@pytest.mark.parametrize("is_after", [True, False])
def test_a_compaction_may_break_off_at_any_call_and_the_next_one_finishes_it(inline_bytes, is_death, is_after):
    for at in itertools.count():
        world = filled(inline_bytes)
        is_done = world.compact(Fault(at, is_after, is_death), knows_count=True)
        assert world.compact(knows_count=True)
        world.check_that_nothing_is_left_over()
        assert len(world.log.segments("r")) < 4
        if is_done:
            break
    assert at > 20  # there were that many calls to break


@pytest.mark.parametrize("inline_bytes", [0, 16 * 1024])
@pytest.mark.parametrize("is_death", [True, False])
@pytest.mark.parametrize("is_after", [True, False])
def test_an_append_may_break_off_at_any_call(inline_bytes, is_death, is_after):
    for at in range(5):
        world = filled(inline_bytes)
        world.write(write(Item("new"), deleted=["same"]), Fault(at, is_after, is_death))
        world.write(write(Item("next")))
        assert world.compact()
        world.check_that_nothing_is_left_over()
