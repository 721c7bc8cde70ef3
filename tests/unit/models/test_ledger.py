"""What a model has cost, to the last digit."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.models.entities import Ledger
from llmanager.models.ledger import counted, settled, spent_usd
from tests.unit.models.samples import at

PRICE = Decimal("1.212")
RUNNING = Ledger(Decimal("0.5"), 2, at(0))


def test_one_instance_for_an_hour_costs_its_price():
    ledger = counted(Ledger(), instances=1, usd_per_instance_hour=PRICE, now=at(0))
    assert ledger == Ledger(Decimal(0), 1, at(0))
    assert spent_usd(ledger, PRICE, at(0)) == 0
    assert spent_usd(ledger, PRICE, at(3600)) == PRICE
    assert spent_usd(ledger, PRICE, at(1)) == PRICE / 3600


def test_what_was_settled_counts_beside_what_runs_times_the_instances():
    assert spent_usd(RUNNING, PRICE, at(1800)) == Decimal("0.5") + PRICE
    assert spent_usd(RUNNING, PRICE, at(0.5)) == Decimal("0.5") + PRICE / 3600


@pytest.mark.parametrize("price", [PRICE, Decimal(0), None])
def test_while_the_number_stands_the_ledger_is_the_same_object(price):
    assert counted(RUNNING, instances=2, usd_per_instance_hour=price, now=at(99)) is RUNNING
    nothing = Ledger()
    assert counted(nothing, instances=0, usd_per_instance_hour=price, now=at(99)) is nothing


def test_a_new_number_settles_and_counts_from_now_on():
    fewer = counted(RUNNING, instances=1, usd_per_instance_hour=PRICE, now=at(3600))
    assert fewer == Ledger(Decimal("2.924"), 1, at(3600))
    none = counted(fewer, instances=0, usd_per_instance_hour=PRICE, now=at(7200))
    assert none == Ledger(Decimal("4.136"), 0, at(7200))
    assert spent_usd(none, PRICE, at(999999)) == Decimal("4.136")
    again = counted(none, instances=1, usd_per_instance_hour=PRICE, now=at(10800))
    assert again == Ledger(Decimal("4.136"), 1, at(10800))


def test_a_price_change_is_settled_at_the_old_price():
    old = settled(RUNNING, PRICE, at(3600))
    assert old == Ledger(Decimal("2.924"), 2, at(3600))
    assert spent_usd(old, Decimal(10), at(7200)) == Decimal("22.924")


def test_there_is_nothing_to_settle_while_nothing_runs_or_the_price_is_unknown():
    stopped = Ledger(Decimal(3), 0, at(0))
    assert settled(stopped, PRICE, at(3600)) is stopped
    assert settled(RUNNING, None, at(3600)) is RUNNING


def test_of_an_unknown_price_nothing_is_told_once_something_ran():
    assert spent_usd(Ledger(), None, at(0)) == 0
    assert spent_usd(RUNNING, None, at(0)) is None
    assert spent_usd(counted(RUNNING, instances=0, usd_per_instance_hour=None, now=at(9)), None, at(9)) is None


def test_at_an_unknown_price_instances_are_counted_and_money_is_not():
    assert counted(RUNNING, instances=1, usd_per_instance_hour=None, now=at(9)) == Ledger(Decimal("0.5"), 1, at(9))


def test_a_clock_that_goes_back_costs_nothing_and_no_time_is_counted_twice():
    assert spent_usd(RUNNING, PRICE, at(-3600)) == Decimal("0.5")
    back = counted(RUNNING, instances=1, usd_per_instance_hour=PRICE, now=at(-3600))
    assert back == Ledger(Decimal("0.5"), 1, at(0))
    assert settled(RUNNING, PRICE, at(-3600)) == RUNNING
    assert spent_usd(back, PRICE, at(3600)) == Decimal("0.5") + PRICE


def test_a_row_keeps_a_billionth_of_a_dollar():
    ledger = settled(Ledger(Decimal(0), 1, at(0)), PRICE, at(1))
    assert ledger.settled_usd == Decimal("0.000336667")
    assert msgspec.json.encode(ledger.settled_usd) == b'"0.000336667"'
    third = settled(Ledger(Decimal(0), 1, at(0)), Decimal(1), at(1.2))
    assert str(third.settled_usd) == "0.000333333"


@given(st.lists(st.tuples(st.integers(-100, 5000), st.integers(0, 3)), max_size=20), st.booleans())
def test_what_is_spent_never_shrinks(steps, is_priced):
    price = PRICE if is_priced else Decimal(0)
    ledger, seconds, last = Ledger(), 0, Decimal(0)
    for step_s, instances in steps:
        seconds += step_s
        ledger = counted(ledger, instances=instances, usd_per_instance_hour=price, now=at(seconds))
        assert ledger.settled_usd >= last
        last = ledger.settled_usd
        spent = spent_usd(ledger, price, at(seconds))
        assert spent is not None
        assert spent >= last
