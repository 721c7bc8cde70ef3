"""The limits in a model's life: idleness, time to live, time asleep."""

from dataclasses import replace

import pytest

from llmanager.models.actions import RemoveResource, StopReplica
from llmanager.models.entities import (
    Desired,
    Status,
    Use,
)
from llmanager.models.limits import idle_since, sleeps_at
from llmanager.models.reconcile import status, wishing
from tests.unit.models.samples import (
    FAILED,
    NOON,
    NOTHING,
    READY,
    STARTING,
    UNUSED,
    at,
    decide,
    held,
    model,
    running,
    sight,
)


def test_an_idle_model_goes_to_sleep():
    decision = decide(running(), READY, Use(last_used_at=at(100)), seconds=1000)
    assert decision.actions == (StopReplica(0),)
    assert decision.needs_no_use
    assert status(decision.model) is Status.ASLEEP


@pytest.mark.parametrize(
    ("use", "seconds"),
    [
        pytest.param(held(until_s=2000), 1900, id="a lease lives"),
        pytest.param(Use(last_used_at=at(500)), 1399, id="it was used since"),
        pytest.param(UNUSED, 899, id="it was ready for less than that"),
    ],
)
def test_a_model_in_use_or_not_idle_long_enough_stays_up(use, seconds):
    assert decide(running(), READY, use, seconds=seconds).actions == ()


def test_who_wakes_a_model_that_was_told_to_sleep_but_never_stopped_keeps_it_up():
    told = decide(running(), READY, seconds=1000).model  # and whoever was to stop it is cut off
    woken = wishing(told, Desired.RUNNING, at(1001), "asked for")
    assert decide(woken, READY, seconds=1002).model.desired is Desired.RUNNING
    assert decide(woken, READY, seconds=1901).model.desired is Desired.ASLEEP


def test_a_lease_that_ran_out_is_no_use():
    assert decide(running(), READY, held(until_s=899), seconds=901).actions == (StopReplica(0),)


def test_a_model_that_takes_long_to_start_is_not_idle_meanwhile():
    started = decide(model(), NOTHING).model
    assert decide(started, STARTING, seconds=100_000).actions == ()


def test_what_fails_and_costs_money_is_not_tried_for_ever_while_nobody_asks_for_it():
    failing = model(failure="The container never gets healthy.", failures=3, retry_at=at(60))
    assert decide(failing, FAILED, seconds=899, is_billed=True).model.desired is Desired.RUNNING
    assert decide(failing, FAILED, held(until_s=2000), seconds=900, is_billed=True).model.desired is Desired.RUNNING
    asleep = decide(failing, FAILED, seconds=900, is_billed=True)
    assert (asleep.model.desired, asleep.needs_no_use) == (Desired.ASLEEP, True)
    assert asleep.model.events[-1].why == "failed, and unused for 900 s"
    assert decide(failing, FAILED, seconds=900).model.desired is Desired.RUNNING, "to try costs nothing here"


def test_without_a_limit_a_model_never_sleeps():
    m = running(sleep_after_s=None)
    assert sleeps_at(m, sight(UNUSED), NOON) is None
    assert decide(m, READY, seconds=10**8).actions == ()


def test_the_hard_limit_deletes_even_a_model_in_use():
    decision = decide(running(ttl_s=60), READY, held(until_s=2000), seconds=60)
    assert decision.actions == (RemoveResource(),)
    assert not decision.needs_no_use
    assert status(decision.model) is Status.DELETING


def test_a_model_asleep_for_long_is_deleted():
    asleep = wishing(running(delete_after_s=100), Desired.ASLEEP, at(10), "idle")
    assert decide(asleep, NOTHING, seconds=109).model.desired is Desired.ASLEEP
    gone = decide(asleep, NOTHING, seconds=110)
    assert gone.model.desired is Desired.DELETED
    assert gone.needs_no_use
    assert gone.model.events[-1].why == "asleep and unused for 100 s"


def test_one_that_was_never_up_is_idle_from_its_last_wish_on_and_one_that_is_from_when_it_was_ready():
    m = model()
    assert idle_since(m, UNUSED) == m.desired_at
    assert idle_since(replace(m, ready_at=at(30)), UNUSED) == at(30)
    assert idle_since(replace(m, ready_at=at(30)), Use(last_used_at=at(50))) == at(50)
    assert idle_since(replace(m, ready_at=at(30)), Use(last_used_at=at(50)), held_at=at(70)) == at(70)


def test_a_sleeping_model_knows_when_to_be_looked_at_again():
    asleep = wishing(running(delete_after_s=100, ttl_s=5000), Desired.ASLEEP, at(10), "idle")
    assert decide(asleep, NOTHING, seconds=11).again_at == at(110)
