"""Days of a fleet with one component down at a time, clocks that are wrong, and triggers that come twice and late."""

import pytest

from llmanager.models.usecases import change
from llmanager.models.usecases.create import Creation, create
from tests.simulation.fleet_actors import NAMES, REAPER_S, WATCHDOG_S, Triggers, tend
from tests.simulation.fleet_days import HOUR_S, Days, Outage, Told, outages_of
from tests.simulation.fleet_world import COMPONENTS

pytestmark = pytest.mark.simulation

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
    told = Days(3, names=FEW, triggers=Triggers(repeats=2, late_s=HOUR_S)).run(6)
    assert told.violations == []
    assert told.creates == told.endpoints > 5, "each endpoint was asked for once"


def test_the_judge_sees_what_no_killer_ends() -> None:
    told = Days(1, [Outage(killer, HOUR_S, 12 * HOUR_S) for killer in ("reaper", "watchdog")]).run(13)
    assert "past-ttl" in kinds(told)


def test_the_judge_sees_streams_that_a_clock_far_off_ends() -> None:
    told = Days(2, skews={"reaper": 7_200}, names=FEW).run(6)
    assert "leased-kill" in kinds(told)


def test_what_was_deleted_while_it_came_up_is_ended_without_the_reaper_too() -> None:
    """The one pass that the API starts comes while AWS refuses to delete; the watchdog reads the end in the tags."""
    days = Days(1)
    fleet, registry, key = days.fleet, days.api.actor.registry, FEW[0]
    create(registry, Creation(*key, days.api.spec()))
    tend(fleet, registry, key, "api")
    days.reaper.start()
    days.watchdog.start()
    fleet.run(250)
    fleet.down.add("reaper")
    change.delete(registry, key)
    tend(fleet, registry, key, "api")
    assert [thing.status for thing in fleet.cloud.billable() if thing.kind == "inference-component"] == ["Creating"]
    fleet.run(HOUR_S // 2)
    assert fleet.cloud.billable() == []
