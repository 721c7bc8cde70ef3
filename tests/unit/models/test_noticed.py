"""What the row's story tells of a model that comes and goes."""

from dataclasses import replace
from decimal import Decimal

from llmanager.models.entities import Desired, Event
from llmanager.models.reconcile import wishing
from tests.unit.models.samples import FAILED, NOTHING, READY, STARTING, at, decide, quote, running


def test_a_model_that_is_lost_while_it_is_wanted_is_told_of_and_so_is_its_return():
    lost = decide(running(), NOTHING, seconds=10).model
    assert (lost.ready_at, lost.events[-1]) == (None, Event(at(10), "not ready"))
    back = decide(lost, READY, seconds=20).model
    assert (back.ready_at, back.events[-1]) == (at(20), Event(at(20), "ready"))


def test_one_that_is_not_ready_because_it_sleeps_is_not():
    asleep = wishing(running(), Desired.ASLEEP, at(5), "asked for")
    gone = decide(asleep, NOTHING, seconds=10).model
    assert (gone.ready_at, gone.events[-1]) == (None, Event(at(5), "asleep", "asked for"))


def test_where_each_try_is_paid_for_they_come_half_an_hour_apart_in_the_end():
    costly = replace(running(), quote=quote(usd_per_instance_hour=Decimal(1)), failures=30, observed=STARTING)
    assert decide(costly, FAILED, seconds=10).model.retry_at == at(10 + 1800)
    unknown = replace(costly, quote=quote(usd_per_instance_hour=None))
    assert decide(unknown, FAILED, seconds=10).model.retry_at == at(10 + 1800)
    free = replace(costly, quote=quote())
    assert decide(free, FAILED, seconds=10).model.retry_at == at(10 + 60)
