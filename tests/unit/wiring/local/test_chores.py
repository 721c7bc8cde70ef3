"""Chores are done again and again, whatever one of them does."""

import threading

from llmanager.kernel.errors import Unavailable
from llmanager.wiring.local.chores import Chores


def run(*chores):
    """Until the last one was done three times."""
    done = threading.Semaphore(0)
    loop = Chores([*chores, done.release], every_s=0.001)
    loop.start()
    for _ in range(3):
        assert done.acquire(timeout=10)
    loop.close()
    assert not loop._thread.is_alive()


def test_one_that_fails_holds_up_no_other_and_is_tried_again():
    tries = []

    def put_off():
        tries.append("put off")
        raise Unavailable("The index is being made.")

    def broken():
        tries.append("broken")
        raise KeyError("bug")

    run(put_off, broken)
    assert tries[:4] == ["put off", "broken", "put off", "broken"]


def test_closing_what_never_started_is_fine():
    Chores([], every_s=60).close()


def test_closing_does_not_wait_for_the_next_round():
    done = threading.Event()
    loop = Chores([done.set], every_s=3600)
    loop.start()
    assert done.wait(10)
    loop.close()
    assert not loop._thread.is_alive()
