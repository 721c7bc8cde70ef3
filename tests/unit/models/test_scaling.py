"""How many replicas are wanted: up at once, down with patience."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.models.entities import Scaling, Sizing
from llmanager.models.scaling import DOWN_AFTER_S, sized
from tests.unit.models.samples import at

UP_TO_FIVE = Scaling(max=5, target_concurrency=4)


def size(before: Sizing, demand: int, *, floor: int = 1, seconds: float = 0, scaling: Scaling = UP_TO_FIVE) -> Sizing:
    return sized(before, scaling, demand=demand, floor=floor, now=at(seconds))


@pytest.mark.parametrize(
    ("demand", "replicas"), [(0, 1), (1, 1), (4, 1), (5, 2), (8, 2), (9, 3), (20, 5), (21, 5), (1000, 5)]
)
def test_undecided_it_starts_with_what_demand_needs(demand, replicas):
    assert size(Sizing(), demand) == Sizing(replicas)


def test_the_floor_holds_without_demand_and_above_the_maximum():
    assert size(Sizing(), 0, floor=2) == Sizing(2)
    assert size(Sizing(), 1000, floor=7) == Sizing(7)
    assert size(Sizing(), 0, floor=7) == Sizing(7)


def test_up_at_once():
    assert size(Sizing(1), 5) == Sizing(2)
    assert size(Sizing(2, at(-1)), 20) == Sizing(5)


def test_what_is_enough_stays_as_it_is():
    before = Sizing(2)
    assert size(before, 5) == before
    assert size(before, 8) == before


def test_a_surplus_is_noted_and_kept_for_a_while():
    noted = size(Sizing(3), 4)
    assert noted == Sizing(3, at(0))
    assert size(noted, 4, seconds=DOWN_AFTER_S - 0.001) == noted
    assert size(noted, 4, seconds=DOWN_AFTER_S) == Sizing(1)


def test_down_goes_to_what_is_needed_then():
    noted = size(Sizing(5), 0)
    assert size(noted, 9, seconds=DOWN_AFTER_S) == Sizing(3)


def test_one_moment_of_need_starts_the_wait_anew():
    noted = size(Sizing(3), 0)
    needed = size(noted, 12, seconds=30)
    assert needed == Sizing(3)
    assert size(needed, 0, seconds=70) == Sizing(3, at(70))


def test_a_clock_that_was_ahead_keeps_no_replica_longer():
    assert size(Sizing(3, at(86400)), 0, seconds=5) == Sizing(3, at(5))


def test_no_more_than_a_lowered_maximum_after_the_wait():
    lowered = Scaling(max=2)
    noted = size(Sizing(5), 100, scaling=lowered)
    assert noted == Sizing(5, at(0))
    assert size(noted, 100, seconds=60, scaling=lowered) == Sizing(2)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 100)), max_size=30), st.integers(1, 3))
def test_demand_within_the_maximum_always_has_its_replicas(steps, floor):
    sizing, seconds = Sizing(), 0
    for demand, wait_s in steps:
        seconds += wait_s
        now: datetime = at(seconds)
        sizing = sized(sizing, UP_TO_FIVE, demand=demand, floor=floor, now=now)
        assert floor <= sizing.replicas <= 5
        assert sizing.replicas * 4 >= min(demand, 20)
        assert sized(sizing, UP_TO_FIVE, demand=demand, floor=floor, now=now) == sizing
