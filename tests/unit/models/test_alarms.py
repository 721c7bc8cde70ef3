"""What a person should look at, and from when on."""

from dataclasses import replace

import pytest

from llmanager.models.alarms import alarms
from llmanager.models.entities import Desired, Event, Observation
from tests.unit.models.samples import READY, STARTING, at, model, quote, running

HALF_AN_HOUR_S = 1800
TEN_MINUTES_S = 600


@pytest.mark.parametrize("told", ["creating", "waking"])
def test_creating_or_waking_for_more_than_half_an_hour(told):
    slow = model(was_ready=told == "waking", observed=STARTING)
    assert alarms(slow, at(HALF_AN_HOUR_S)) == ()
    assert alarms(slow, at(HALF_AN_HOUR_S + 1)) == (f"{told} for more than 30 minutes",)


@pytest.mark.parametrize(
    "changes", [{"desired_at": at(60)}, {"revised_at": at(60)}, {"events": (Event(at(0), "a"), Event(at(60), "b"))}]
)
def test_what_happened_since_starts_the_half_hour_anew(changes):
    slow = replace(model(), **changes)
    assert alarms(slow, at(HALF_AN_HOUR_S + 60)) == ()
    assert alarms(slow, at(HALF_AN_HOUR_S + 61)) == ("creating for more than 30 minutes",)


def test_ready_or_asleep_for_long_is_no_alarm():
    assert alarms(running(), at(86400)) == ()
    assert alarms(model(desired=Desired.ASLEEP), at(86400)) == ()


def test_deleting_for_more_than_ten_minutes():
    leaving = model(desired=Desired.DELETED, desired_at=at(10))
    assert alarms(leaving, at(10 + TEN_MINUTES_S)) == ()
    (alarm,) = alarms(leaving, at(11 + TEN_MINUTES_S))
    assert alarm == "deleting for more than 10 minutes; it is tried again until it is gone"


def test_failed_says_why():
    assert alarms(model(failure="no capacity"), at(0)) == ("failed: no capacity",)


def test_past_its_time_to_live_and_still_there():
    old = replace(running(), spec=model(ttl_s=60).spec)
    assert alarms(old, at(60 + TEN_MINUTES_S)) == ()
    assert alarms(old, at(61 + TEN_MINUTES_S)) == ("past its time to live and still there",)


def test_both_late_and_not_leaving():
    old = model(ttl_s=60, desired=Desired.DELETED, desired_at=at(60))
    assert len(alarms(old, at(61 + TEN_MINUTES_S))) == 2


@pytest.mark.parametrize("seen", [READY, Observation(exists=True, instances=1)])
def test_running_at_an_unknown_price(seen):
    unpriced = replace(running(), observed=seen, quote=quote(usd_per_instance_hour=None))
    assert alarms(unpriced, at(0)) == ("running at an unknown price",)
    assert alarms(replace(unpriced, observed=Observation(exists=True)), at(0)) == ()
    assert alarms(replace(unpriced, quote=quote()), at(0)) == ()
