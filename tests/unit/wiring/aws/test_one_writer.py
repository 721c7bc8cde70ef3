"""One writer of a collection among many processes, of which any may die or stand still."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest

from llmanager.kernel.errors import Throttled, Unavailable
from llmanager.vdb.rows import WRITERS
from llmanager.wiring.aws.fenced import fenced
from llmanager.wiring.aws.one_writer import CLOCK_SKEW_S, LEASE_S, LeasedWriter, WriterLost
from tests.fakes.clock import FakeClock
from tests.fakes.eventually import eventually
from tests.fakes.table import FakeTable

R = "lm-dev-docs-x"
NEVER_S = 1000.0


class Processes:
    """One table, and as many processes as a test wants; each has a clock of its own if it is to differ."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.table = FakeTable(self.clock)
        self.ids = itertools.count()

    def one(self, *, clock=None, **more) -> LeasedWriter:
        timing = {"wait_s": 0.02, "poll_s": 0.002, "renew_every_s": NEVER_S} | more
        return LeasedWriter(self.table, clock or self.clock, lambda: f"p{next(self.ids)}", **timing)

    @property
    def row(self):
        return self.table.get(WRITERS, R)


@pytest.fixture
def world():
    return Processes()


@contextmanager
def taken(writer):
    with writer(R):
        writer.check()
        yield


def test_one_at_a_time_whichever_process(world):
    a, b = world.one(), world.one()
    with taken(a):
        with pytest.raises(Throttled, match="Others are writing"), taken(b):
            pass
        with b("another"):
            b.check()
    with taken(b):
        pass
    assert world.row is None


def test_many_threads_take_turns(world):
    inside, most = [], []
    writers = [world.one(wait_s=20) for _ in range(3)]

    def work(n):
        with taken(writers[n % 3]):
            inside.append(n)
            most.append(len(inside))
            inside.remove(n)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(30)))
    assert (len(most), max(most)) == (30, 1)


def test_what_a_dead_process_held_is_free_when_it_runs_out(world):
    dead = world.one()
    turn = dead(R)  # and nothing of it runs any more
    turn.__enter__()
    world.clock.advance(LEASE_S + CLOCK_SKEW_S - 1)
    with pytest.raises(Throttled), taken(world.one()):
        pass
    world.clock.advance(1)
    with taken(world.one()):
        pass


def test_whoever_stood_still_for_too_long_is_told_before_anyone_else_may_write(world):
    frozen = world.one()
    with frozen(R):
        world.clock.advance(LEASE_S)
        with pytest.raises(WriterLost):
            frozen.check()
        with pytest.raises(Throttled), taken(world.one()):
            pass
        world.clock.advance(CLOCK_SKEW_S)
        other = world.one()
        with taken(other):
            with pytest.raises(WriterLost):
                frozen.check()
            holder = world.row.body["holder"]
    assert holder != "p0"


def test_the_end_of_a_late_one_takes_nothing_from_its_successor(world):
    late, next_ = world.one(), world.one()
    turn = late(R)
    turn.__enter__()
    world.clock.advance(LEASE_S + CLOCK_SKEW_S)
    with taken(next_):
        turn.__exit__(None, None, None)
        assert world.row is not None
        next_.check()


@pytest.mark.parametrize("ahead_s", [-CLOCK_SKEW_S, CLOCK_SKEW_S])
def test_clocks_that_differ_by_less_than_they_may_let_no_two_write(world, ahead_s):
    elsewhere = FakeClock(world.clock.now() + timedelta(seconds=ahead_s))
    theirs = FakeTable(elsewhere)  # the same rows, judged by another clock
    theirs._rows = world.table._rows
    mine = world.one()
    other = LeasedWriter(theirs, elsewhere, lambda: "other", wait_s=0, poll_s=0.001, renew_every_s=NEVER_S)
    with mine(R):
        for _ in range(int(LEASE_S)):
            mine.check()
            with pytest.raises(Throttled), other(R):
                pass
            world.clock.advance(1)
            elsewhere.advance(1)
        with pytest.raises(WriterLost):
            mine.check()


def test_long_work_is_renewed_while_it_goes_on(world):
    writer = world.one(renew_every_s=0.002)
    with writer(R):
        for _ in range(5):
            world.clock.advance(LEASE_S - 1)
            eventually(lambda: world.row.expires_at, lambda at: at > world.clock.now() + timedelta(seconds=LEASE_S))
            writer.check()
    before = threading.active_count()
    eventually(threading.active_count, lambda count: count <= before)
    assert world.row is None


def test_a_renewal_whose_answer_was_lost_is_no_loss(world):
    def lose(_):
        raise Unavailable("lost")

    writer = world.one(renew_every_s=0.002)
    with writer(R):
        world.table.after_write = lose
        eventually(lambda: world.table.after_write, lambda hook: hook is not lose)
        world.clock.advance(LEASE_S - 1)
        eventually(lambda: world.row.expires_at, lambda at: at > world.clock.now() + timedelta(seconds=LEASE_S))
        writer.check()


def test_a_beginning_whose_answer_was_lost_is_found_again(world):
    def lose(_):
        raise Unavailable("lost")

    world.table.after_write = lose
    with taken(world.one()):
        assert world.row is not None
    assert world.row is None


def test_a_table_that_stays_away_is_told_as_such(world):
    world.table.down = Unavailable("gone")
    with pytest.raises(Unavailable), taken(world.one()):
        pass


def test_what_ends_a_process_ends_its_waiting_too(world):
    def stop():
        raise Unavailable("no time left")

    with pytest.raises(Unavailable, match="no time left"), world.one(check=stop)(R):
        pass
    assert world.row is None


def test_one_threads_turn_is_none_of_anothers(world):
    writer = world.one()
    with writer(R), ThreadPoolExecutor(1) as pool:
        world.clock.advance(LEASE_S)
        pool.submit(writer.check).result()
        with pytest.raises(WriterLost):
            writer.check()


def test_changes_are_fenced_and_reads_are_not():
    class Store:
        def __init__(self):
            self.kept = []

        def apply(self, item, *, twice=False):
            self.kept.append(item)
            return twice

        def find(self):
            return self.kept

    def lost():
        raise WriterLost

    free, store = fenced(Store(), ["apply"], lambda: None), Store()
    assert free.apply("a", twice=True)
    assert free.find() == ["a"]
    shut = fenced(store, ["apply"], lost)
    with pytest.raises(WriterLost):
        shut.apply("b")
    assert shut.find() == []
