"""The reconcile loop: who is due, once at a time, whatever breaks."""

import threading
from collections import Counter
from datetime import timedelta

import pytest

from llmanager.kernel.errors import Unavailable
from llmanager.models.usecases.reconcile import Outcome
from llmanager.wiring.local.loop import RETRY_S, SLOW_AGAIN_S, SLOW_WORKERS, WORKERS, ReconcileLoop
from tests.fakes.clock import FakeClock
from tests.fakes.eventually import eventually

A, B = ("acme", "a"), ("acme", "b")
LONG_S = 3600.0


class Stage:
    """A loop over a scripted reconcile; `until` waits for what it has done so far."""

    def __init__(self, keys=(), period_s=LONG_S, chores=(), **more):
        self.clock = FakeClock()
        self.done, self.running, self.overlaps = Counter(), Counter(), 0
        self.act = lambda key: Outcome()
        self.news = threading.Condition()
        self.loop = ReconcileLoop(self.reconcile, lambda: keys, self.clock, period_s, chores, **more)

    def reconcile(self, key):
        with self.news:
            self.running[key] += 1
            self.overlaps += self.running[key] > 1
            self.news.notify_all()
        try:
            return self.act(key)
        finally:
            with self.news:
                self.running[key] -= 1
                self.done[key] += 1
                self.news.notify_all()

    def until(self, is_so):
        with self.news:
            assert self.news.wait_for(is_so, timeout=10), "it did not come true"

    def pass_time(self, seconds):
        """Time goes by, and somebody looks at the clock."""
        self.clock.advance(seconds)
        with self.loop._changed:
            self.loop._changed.notify_all()

    def __enter__(self):
        self.loop.start()
        return self

    def __exit__(self, *_):
        self.loop.close()
        assert not any(thread.is_alive() for thread in self.loop._threads)


def test_what_is_poked_is_looked_at_at_once():
    with Stage() as stage:
        stage.loop.poke(A)
        stage.until(lambda: stage.done[A] == 1)


def test_every_round_looks_at_all():
    with Stage(keys=(A, B)) as stage:
        stage.until(lambda: stage.done[A] == stage.done[B] == 1)


def test_a_later_time_is_waited_for():
    with Stage() as stage:
        stage.loop.poke(A, 10)
        stage.loop.poke(B)
        stage.until(lambda: stage.done[B] == 1)
        assert not stage.done[A]
        stage.pass_time(10)
        stage.until(lambda: stage.done[A] == 1)


def test_the_earliest_of_several_pokes_counts_and_the_rest_are_no_more():
    with Stage() as stage:
        for in_s in (30, 20, 10, 25):
            stage.loop.poke(A, in_s)
        stage.pass_time(10)
        stage.until(lambda: stage.done[A] == 1)
        stage.pass_time(100)
        stage.loop.poke(B)
        stage.until(lambda: stage.done[B] == 1)
        assert stage.done[A] == 1


def test_one_key_is_never_looked_at_twice_at_once_and_a_poke_meanwhile_is_kept():
    go_on = threading.Event()
    with Stage() as stage:
        stage.act = lambda key: (go_on.wait(10), Outcome())[1]
        stage.loop.poke(A)
        stage.until(lambda: stage.running[A] == 1)
        for _ in range(5):
            stage.loop.poke(A)
        stage.loop.poke(B)
        stage.until(lambda: stage.running[B] == 1)  # so the others had their chance at A
        go_on.set()
        stage.until(lambda: stage.done[A] == 2)
        assert stage.overlaps == 0


def test_while_one_is_slow_the_others_go_on():
    go_on = threading.Event()
    with Stage() as stage:
        stage.act = lambda key: (key == A and go_on.wait(10), Outcome())[1]
        stage.loop.poke(A)
        stage.until(lambda: stage.running[A] == 1)
        for n in range(20):
            stage.loop.poke(B)
            stage.until(lambda n=n: stage.done[B] > n)
        assert stage.running[A] == 1
        go_on.set()


def test_slow_hosts_never_take_all_workers():
    go_on = threading.Event()
    slow = [("acme", f"cloud{n}") for n in range(WORKERS + 1)]
    with Stage(is_slow=lambda key: key in slow) as stage:
        stage.act = lambda key: (key in slow and go_on.wait(10), Outcome())[1]
        for key in slow:
            stage.loop.poke(key)
        stage.until(lambda: sum(stage.running.values()) == SLOW_WORKERS)
        stage.loop.poke(B)
        stage.until(lambda: stage.done[B] == 1)
        go_on.set()
        stage.pass_time(SLOW_AGAIN_S)
        stage.until(lambda: sum(stage.done[key] for key in slow) >= SLOW_WORKERS)


def test_an_outcome_says_when_to_come_back_and_who_else_is_due():
    with Stage() as stage:
        at = stage.clock.now() + timedelta(seconds=5)
        stage.act = lambda key: Outcome(at, (B,)) if key == A and not stage.done[A] else Outcome()
        stage.loop.poke(A)
        stage.until(lambda: stage.done[A] == stage.done[B] == 1)
        stage.pass_time(5)
        stage.until(lambda: stage.done[A] == 2)


def test_who_says_when_to_try_again_is_not_asked_sooner():
    with Stage() as stage:

        def refuse(key):
            if not stage.done[key]:
                raise Unavailable("No instance is free.", retry_after_s=60)
            return Outcome()

        stage.act = refuse
        stage.loop.poke(A)
        stage.until(lambda: stage.done[A] == 1)
        eventually(lambda: stage.loop._earliest, lambda waiting: A in waiting, within_s=10)
        stage.loop.poke(B, RETRY_S)
        stage.pass_time(RETRY_S)
        stage.until(lambda: stage.done[B] == 1)
        assert stage.done[A] == 1
        stage.pass_time(60)
        stage.until(lambda: stage.done[A] == 2)


def test_what_most_rounds_pass_over_is_looked_at_when_it_asks_for_it():
    """Models in a cloud are in few rounds, and what is on its way there is to be looked at sooner."""
    with Stage(period_s=5, longest_s=60) as stage:
        stage.act = lambda key: Outcome() if stage.done[A] else Outcome(stage.clock.now() + timedelta(seconds=10))
        stage.loop.poke(A)
        stage.until(lambda: stage.done[A] == 1)
        stage.pass_time(10)
        stage.until(lambda: stage.done[A] == 2)


def test_a_far_wish_is_left_to_the_rounds_and_piles_up_nowhere():
    with Stage(period_s=LONG_S) as stage:
        stage.act = lambda key: Outcome(stage.clock.now() + timedelta(days=365))
        for n in range(50):
            stage.loop.poke(A)
            stage.until(lambda n=n: stage.done[A] > n)
        stage.loop.close()
        assert stage.loop._due == []


@pytest.mark.parametrize("error", [Unavailable("The table is down."), ZeroDivisionError()])
def test_what_breaks_does_not_end_the_loop(error):
    def broken(key):
        raise error

    with Stage() as stage:
        stage.act = broken
        for n in range(WORKERS + 1):
            stage.loop.poke(A)
            stage.until(lambda n=n: stage.done[A] > n)
        stage.act = lambda key: Outcome()
        stage.loop.poke(B)
        stage.until(lambda: stage.done[B] == 1)


def test_a_pass_that_fails_is_repeated():
    def first_fails(key):
        if not stage.done[key]:
            raise Unavailable("The table is down.")
        return Outcome()

    with Stage() as stage:
        stage.act = first_fails
        stage.loop.poke(A)
        eventually(lambda: stage.done[A] == 1 and A in stage.loop._earliest)
        stage.pass_time(RETRY_S)
        stage.until(lambda: stage.done[A] == 2)


@pytest.mark.parametrize("error", [Unavailable("down"), ZeroDivisionError()])
def test_a_chore_that_breaks_holds_up_neither_the_rounds_nor_the_other_chores(error):
    rounds = Counter()
    enough = threading.Event()

    def broken():
        rounds["broken"] += 1
        raise error

    def whole():
        rounds["whole"] += 1
        if rounds["whole"] == 3:
            enough.set()

    with Stage(keys=(A,), period_s=0.001, chores=(broken, whole)) as stage:
        assert enough.wait(10)
        stage.until(lambda: stage.done[A] >= 2)
    assert rounds["broken"] >= 3


def test_closing_waits_for_the_pass_that_runs_and_starts_no_other():
    go_on = threading.Event()
    stage = Stage()
    stage.act = lambda key: (go_on.wait(10), Outcome())[1]
    stage.loop.start()
    stage.loop.poke(A)
    stage.until(lambda: stage.running[A] == 1)
    closing = threading.Thread(target=stage.loop.close)
    closing.start()
    while not stage.loop._is_closing:
        pass
    stage.loop.poke(B)
    go_on.set()
    closing.join(10)
    assert stage.done == {A: 1}


def test_one_that_never_started_can_be_closed():
    Stage().loop.close()
