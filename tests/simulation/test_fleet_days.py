"""Days of a fleet with one component down at a time, clocks that are wrong, and triggers that come twice and late."""

import pytest

from tests.simulation.fleet_actors import NAMES, REAPER_S, WATCHDOG_S, Triggers
from tests.simulation.fleet_days import HOUR_S, Days, Outage, Told, outages_of
from tests.simulation.fleet_world import COMPONENTS

FEW = NAMES[1:4]  # of two tenants


def kinds(told: Told) -> set[str]:
    return {violation.partition(":")[0] for violation in told.violations}


@pytest.mark.parametrize("component", COMPONENTS)
def test_without_one_component_nothing_outlives_its_end_and_nothing_in_use_is_ended(component: str) -> None:
    told = Days(1, outages_of(component), names=FEW).run(38)
    assert told.violations == []
    assert told.served > 20
    is_reaper_there = component not in ("reaper", "registry")
    assert told.longest_past_end_s <= (REAPER_S if is_reaper_there else WATCHDOG_S) + 1


@pytest.mark.parametrize("actor", ["api", "reaper", "gateway", "watchdog"])
@pytest.mark.parametrize("skew_s", [600, -600])
def test_a_clock_that_is_ten_minutes_off_shifts_limits_and_ends_nothing_in_use(actor: str, skew_s: int) -> None:
    told = Days(2, skews={actor: skew_s}, names=FEW).run(6)
    assert told.violations == []
    assert told.served > 10


def test_passes_that_come_twice_and_again_an_hour_later_change_nothing() -> None:
    once = Days(3, names=FEW).run(6)
    again = Days(3, names=FEW, triggers=Triggers(repeats=2, late_s=HOUR_S)).run(6)
    assert again.violations == once.violations == []
    assert again.endpoints == once.endpoints
    assert again.served == once.served
    assert abs(again.usd - once.usd) < once.usd / 50, "a second look takes some steps a minute sooner"


def test_the_judge_sees_what_no_killer_ends() -> None:
    told = Days(1, [Outage(killer, HOUR_S, 12 * HOUR_S) for killer in ("reaper", "watchdog")]).run(13)
    assert "past-ttl" in kinds(told)


def test_the_judge_sees_streams_that_a_clock_far_off_ends() -> None:
    told = Days(2, skews={"reaper": 7_200}, names=FEW).run(6)
    assert "leased-kill" in kinds(told)
