"""One writer a collection, in one process."""

import threading

import pytest

from llmanager.kernel.errors import Retryable, Throttled, Unavailable
from llmanager.wiring.serving.one_writer import OneWriter


def in_thread(do):
    """What `do` raised in a thread of its own, or None."""
    caught = []

    def run():
        try:
            do()
        except Retryable as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    return caught[0] if caught else None


def enter(exclusive, resource):
    with exclusive(resource):
        pass


def test_another_thread_waits_and_is_told_when_it_takes_too_long():
    exclusive = OneWriter(wait_s=0.01)
    with exclusive("a"):
        assert isinstance(in_thread(lambda: enter(exclusive, "a")), Throttled)
    assert in_thread(lambda: enter(exclusive, "a")) is None


def test_other_collections_are_not_in_its_way():
    exclusive = OneWriter(wait_s=0.01)
    with exclusive("a"):
        assert in_thread(lambda: enter(exclusive, "b")) is None


def test_the_same_thread_may_ask_again():
    exclusive = OneWriter(wait_s=0.01)
    with exclusive("a"), exclusive("a"):
        assert in_thread(lambda: enter(exclusive, "a")) is not None
    assert in_thread(lambda: enter(exclusive, "a")) is None


def test_it_is_free_again_after_an_error():
    exclusive = OneWriter(wait_s=0.01)
    with pytest.raises(ValueError, match="broken"), exclusive("a"):
        raise ValueError("broken")
    assert in_thread(lambda: enter(exclusive, "a")) is None


def test_nothing_is_remembered_of_collections_that_nobody_writes():
    exclusive = OneWriter()
    for number in range(100):
        enter(exclusive, f"c{number}")
    assert not exclusive._turns


def test_many_threads_count_right():
    exclusive, total = OneWriter(), [0]

    def add():
        for _ in range(200):
            with exclusive("a"):
                seen = total[0]
                total[0] = seen + 1

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert total == [1600]


def test_who_waits_may_be_called_off():
    def stop():
        raise Unavailable("The server is stopping.")

    exclusive = OneWriter(wait_s=60, check=stop)
    with exclusive("a"):
        assert isinstance(in_thread(lambda: enter(exclusive, "a")), Unavailable)
    assert in_thread(lambda: enter(exclusive, "a")) is None
