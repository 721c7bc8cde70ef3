"""What ends by its tags, with nothing but the tags and the host."""

from datetime import timedelta

import pytest

from llmanager.kernel.errors import Throttled, Unavailable
from llmanager.models.entities import Tags
from llmanager.models.ports import HostTraits
from llmanager.models.usecases.watch import UNREADABLE_AFTER_S, Deed, check, watch
from tests.fakes.clock import NOON
from tests.unit.models.samples import at
from tests.unit.models.usecases.holding_host import HoldingHost

TOMORROW = NOON + timedelta(days=1)


@pytest.fixture
def host():
    return HoldingHost()


def tags(*, expires_at=TOMORROW, ttl_at=None, stage="dev"):
    return Tags(stage, "acme", "greeter", "g1", expires_at, ttl_at)


def watched(host, seconds=0):
    return watch(host, now=at(seconds), stage="dev")


def deeds(acts):
    return [(act.resource, act.deed) for act in acts]


def test_what_is_renewed_is_left_alone(host):
    host.hold("lm-a", tags=tags(expires_at=at(1), ttl_at=at(1)))
    assert watched(host) == ()


def test_what_nobody_renewed_stops_to_cost(host):
    host.hold("lm-a", tags=tags(expires_at=NOON))
    (act,) = watched(host)
    assert (act.deed, act.why) == (Deed.PARK, "nobody renewed it since 2026-11-20T12:00:00+00:00")
    assert host.calls == [("park", "lm-a")]


def test_what_is_parked_is_not_parked_again(host):
    host.hold("lm-a", tags=tags(expires_at=NOON), is_running=False)
    assert watched(host) == ()


@pytest.mark.parametrize("is_running", [True, False])
def test_past_its_time_to_live_it_goes_and_that_is_asked_for_until_it_is_gone(host, is_running):
    host.hold("lm-a", tags=tags(expires_at=NOON, ttl_at=NOON), is_running=is_running)
    (act,) = watched(host)
    assert (act.deed, act.why) == (Deed.REMOVE, "its time to live ended at 2026-11-20T12:00:00+00:00")
    watched(host)
    assert host.calls == [("remove", "lm-a"), ("remove", "lm-a")]
    host.held.clear()
    assert watched(host) == ()


def test_another_stages_is_not_touched(host):
    host.hold("lm-a", tags=tags(expires_at=NOON, ttl_at=NOON, stage="prod"))
    assert watched(host) == ()


@pytest.mark.parametrize("unreadable", [None, tags(expires_at=None)])
def test_what_does_not_say_when_it_ends_is_told_and_after_two_days_parked(host, unreadable):
    host.hold("lm-a", tags=unreadable, created_at=NOON)
    assert deeds(watched(host, UNREADABLE_AFTER_S)) == [("lm-a", Deed.TELL)]
    assert host.calls == []
    parked = watched(host, UNREADABLE_AFTER_S + 1)
    assert deeds(parked) == [("lm-a", Deed.PARK)]
    assert parked[0].why == "no tag says when it ends, for more than 172800 s"
    assert host.calls == [("park", "lm-a")]


def test_it_is_told_also_where_it_runs_nothing_or_its_age_is_not_known(host):
    host.hold("lm-a", created_at=NOON, is_running=False)
    host.hold("lm-b")
    told = watched(host, UNREADABLE_AFTER_S + 1)
    assert deeds(told) == [("lm-a", Deed.TELL), ("lm-b", Deed.TELL)]
    assert "by hand" in told[0].why


def test_what_costs_nothing_needs_no_dead_mans_switch(host):
    host.traits = HostTraits()
    host.hold("lm-a", tags=tags(expires_at=None), created_at=NOON - timedelta(days=9))
    assert watched(host) == ()


def test_its_time_to_live_ends_also_without_a_dead_mans_switch(host):
    host.hold("lm-a", tags=tags(expires_at=None, ttl_at=NOON))
    assert deeds(watched(host)) == [("lm-a", Deed.REMOVE)]


def test_one_that_fails_holds_up_no_other_and_is_tried_again(host):
    for name in ("lm-a", "lm-b", "lm-c"):
        host.hold(name, tags=tags(ttl_at=NOON))
    host.hold("lm-d", tags=tags(expires_at=NOON))
    host.broken = {("remove", "lm-a"): Throttled("slow down"), ("park", "lm-d"): Unavailable("away")}
    acts = watched(host)
    assert host.calls == [("remove", "lm-b"), ("remove", "lm-c")]
    failed = [act for act in acts if act.error]
    assert deeds(failed) == [("lm-a", Deed.REMOVE), ("lm-d", Deed.PARK)]
    assert "time to live" in failed[0].why
    assert "nobody renewed it" in failed[1].why
    with pytest.raises(Throttled) as raised:
        check(acts)
    assert raised.value.__notes__ == ["lm-a", "lm-d"]
    host.broken.clear()
    check(watched(host))
    assert ("park", "lm-d") in host.calls


def test_a_list_that_cannot_be_had_is_an_error(host):
    host.broken["resources", ""] = Unavailable("away")
    with pytest.raises(Unavailable):
        watched(host)
