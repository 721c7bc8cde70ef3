import pytest

from llmanager.wiring.serving.lazy import is_made, lazily


class Counter:
    made = 0

    def __init__(self):
        Counter.made += 1
        self.count = 0

    def add(self, amount):
        self.count += amount
        return self.count


def test_it_is_made_by_the_first_use_and_once():
    Counter.made = 0
    lazy = lazily(Counter)
    assert Counter.made == 0
    assert [lazy.add(2), lazy.add(3)] == [2, 5]
    assert Counter.made == 1


def test_a_making_that_fails_is_tried_again():
    tries = []

    def make():
        tries.append(1)
        if len(tries) == 1:
            raise OSError("no space")
        return Counter()

    lazy = lazily(make)
    with pytest.raises(OSError, match="no space"):
        lazy.add(1)
    assert lazy.add(1) == 1


def test_what_is_known_without_it_does_not_make_it():
    Counter.made = 0
    lazy = lazily(Counter, add=lambda amount: -amount)
    assert lazy.add(2) == -2
    assert Counter.made == 0
    assert not is_made(lazy)


def test_whether_it_was_made_can_be_asked_without_making_it():
    lazy = lazily(Counter)
    assert not is_made(lazy)
    lazy.add(1)
    assert is_made(lazy)
