"""What the row's story tells of a model that comes and goes."""

from llmanager.models.entities import Desired, Event
from llmanager.models.reconcile import wishing
from tests.unit.models.samples import NOTHING, READY, at, decide, running


def test_a_model_that_is_lost_while_it_is_wanted_is_told_of_and_so_is_its_return():
    lost = decide(running(), NOTHING, seconds=10).model
    assert (lost.ready_at, lost.events[-1]) == (None, Event(at(10), "not ready"))
    back = decide(lost, READY, seconds=20).model
    assert (back.ready_at, back.events[-1]) == (at(20), Event(at(20), "ready"))


def test_one_that_is_not_ready_because_it_sleeps_is_not():
    asleep = wishing(running(), Desired.ASLEEP, at(5), "asked for")
    gone = decide(asleep, NOTHING, seconds=10).model
    assert (gone.ready_at, gone.events[-1]) == (None, Event(at(5), "asleep", "asked for"))
