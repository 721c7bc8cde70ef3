"""The watchdog as the local server runs it: one chore a host."""

from dataclasses import replace

import pytest

from llmanager.kernel.errors import Unavailable
from llmanager.models.entities import Tags
from llmanager.wiring.local.watchdog import watchers
from tests.fakes.clock import NOON, FakeClock
from tests.unit.models.usecases.holding_host import HoldingHost

TAGS = Tags("dev", "acme", "greeter", "g1", expires_at=NOON.replace(hour=13))


@pytest.fixture
def host():
    host = HoldingHost()
    host.hold("lm-a", tags=TAGS)
    return host


def test_each_host_is_watched_by_the_clock_of_that_moment(host):
    clock = FakeClock()
    (chore,) = watchers([host], clock, "dev")
    chore()
    assert host.calls == []
    clock.advance(3600)
    chore()
    assert host.calls == [("park", "lm-a")]


def test_what_is_of_another_stage_is_left_to_its_own_watchdog(host):
    host.hold("lm-a", tags=replace(TAGS, stage="prod"))
    clock = FakeClock()
    clock.advance(3600)
    (chore,) = watchers([host], clock, "dev")
    chore()
    assert host.calls == []


def test_a_host_that_cannot_be_asked_is_told_of_and_holds_up_no_other(host):
    away = HoldingHost(broken={("resources", ""): Unavailable("away")})
    clock = FakeClock()
    clock.advance(3600)
    first, second = watchers([away, host], clock, "dev")
    with pytest.raises(Unavailable):
        first()
    second()
    assert host.calls == [("park", "lm-a")]


def test_what_could_not_be_ended_is_told(host):
    host.broken["park", "lm-a"] = Unavailable("away")
    clock = FakeClock()
    clock.advance(3600)
    (chore,) = watchers([host], clock, "dev")
    with pytest.raises(Unavailable):
        chore()
