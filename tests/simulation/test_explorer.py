"""The explorer finds what is wrong in a world whose faults are known, and nothing where nothing is."""

from collections.abc import Callable
from typing import ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from llmanager.kernel.errors import Throttled, UpstreamTimeout
from tests.simulation.campaign import BASE, Campaign, Share
from tests.simulation.execution import MAX_STEPS, Execution, NotDeterministic, Operation, Scenario, World
from tests.simulation.explorer import Bounds, Memory, Search, explore
from tests.simulation.gate import Fault, Gate, faulty
from tests.simulation.long_runs import LongRun
from tests.simulation.replay import replay
from tests.simulation.tokens import strays_of
from tests.simulation.toy import TOYS, ToyWorld, create, create_then_remember, delete, delete_what_is_remembered

pytestmark = pytest.mark.simulation

TOY = {scenario.name.removeprefix("toy-"): scenario for scenario in TOYS}


def kinds(scenario: Scenario, bounds: Bounds = BASE, *, is_pruned: bool = True) -> set[str]:
    result = explore(scenario, bounds, is_pruned=is_pruned)
    assert result.is_complete
    return set(result.violations)


def test_a_name_remembered_late_is_lost_in_a_crash() -> None:
    assert kinds(TOY["remember"]) == {"leak"}
    assert kinds(TOY["remember"], Bounds(2, 0)) == set()


def test_a_name_remembered_late_is_lost_in_a_race() -> None:
    assert kinds(TOY["remember+delete"], Bounds(2, 0)) == {"leak"}


def test_intent_first_leaks_when_a_slow_create_wakes_after_the_delete() -> None:
    assert kinds(TOY["unswept"], Bounds(1, 0)) == {"leak"}
    assert kinds(TOY["unswept"], Bounds(0, 1)) == set()


@pytest.mark.parametrize("name", ["swept", "swept-3"])
def test_intent_first_with_a_sweep_does_not_leak(name: str) -> None:
    assert kinds(TOY[name], Bounds(3, 1)) == set()


def test_a_deadlock_is_found() -> None:
    assert kinds(TOY["locks"], Bounds(1, 0)) == {"deadlock"}
    assert kinds(TOY["locks"], Bounds(0, 0)) == set()


@pytest.mark.parametrize("name", [n for n in TOY if n != "swept-3"])
@pytest.mark.parametrize("bounds", [BASE, Bounds(3, 2)])
def test_what_is_left_out_hides_nothing(name: str, bounds: Bounds) -> None:
    assert kinds(TOY[name], bounds) == kinds(TOY[name], bounds, is_pruned=False)


def test_every_end_that_the_full_search_meets_is_met_by_the_pruned_one() -> None:
    def ends(is_pruned: bool) -> set[bytes]:
        met = set()

        class Watched(ToyWorld):
            def recover(self) -> None:
                met.add(self.digest())

        explore(Scenario("watched", Watched, TOY["swept-3"].operations), is_pruned=is_pruned)
        return met

    pruned, full = ends(True), ends(False)
    assert pruned == full
    assert len(full) > 10


def test_without_bounds_there_is_one_schedule_for_each_order_of_the_operations() -> None:
    result = explore(TOY["swept-3"], Bounds(0, 0), is_pruned=False)
    assert result.schedules == 3 * 2 * 1


def of_one(operation: Operation) -> Scenario:
    return Scenario("one", ToyWorld, {"it": operation})


def execution_of(operation: Operation) -> tuple[ToyWorld, Execution]:
    gate = Gate()
    world = ToyWorld(gate)
    return world, Execution(world, gate, {"it": operation})


def test_a_crash_ends_a_process_and_all_that_it_still_tries() -> None:
    tried = []

    def launch_and_clean_up(world: ToyWorld) -> None:
        try:
            world.launch("a")
            tried.append("after")
        finally:
            tried.append("finally")
            world.terminate("a")
            tried.append("cleaned")

    world, execution = execution_of(launch_and_clean_up)
    execution.step(0)
    execution.step(Fault.CRASH_AFTER)
    assert (tried, list(world.cloud), execution.outcomes[0].how) == (["finally"], ["a"], "crashed")


@pytest.mark.parametrize(
    ("fault", "has_effect", "error"),
    [
        (Fault.OK, True, None),
        (Fault.THROTTLE, False, Throttled),
        (Fault.TIMEOUT_AFTER, True, UpstreamTimeout),
        (Fault.CRASH_BEFORE, False, None),
        (Fault.CRASH_AFTER, True, None),
    ],
)
def test_each_fault_does_what_it_says(fault: Fault, has_effect: bool, error: type[Exception] | None) -> None:
    world, execution = execution_of(lambda world: world.launch("a"))
    execution.step(0)
    execution.step(fault)
    assert ("a" in world.cloud) == has_effect
    assert type(execution.outcomes[0].value) is (error or type(None))


def test_the_gate_is_open_where_no_process_runs() -> None:
    gate = Gate()
    assert faulty(gate, "call", lambda: 7, lambda: Throttled(""), lambda: UpstreamTimeout("")) == 7


def test_an_error_that_is_none_of_ours_is_a_finding_that_says_where() -> None:
    def divides(world: ToyWorld) -> None:
        world.read()
        raise ZeroDivisionError("no")

    found = explore(of_one(divides)).violations["broken"]
    assert "ZeroDivisionError: no at test_explorer.py" in found.text
    assert "divides" in found.text


def test_an_error_of_ours_is_an_answer() -> None:
    def refuses(world: ToyWorld) -> None:
        raise Throttled("later")

    assert kinds(of_one(refuses)) == set()


def test_an_operation_that_never_ends_is_a_finding() -> None:
    def asks_for_ever(world: ToyWorld) -> None:
        while True:
            world.read()

    search = Search(of_one(asks_for_ever), Bounds(0, 0), Memory())
    search.go_on(1)
    assert set(search.result.violations) == {"endless"}
    assert search.result.executions == 1
    assert MAX_STEPS < 10_000


def test_a_world_that_differs_from_run_to_run_is_refused() -> None:
    runs = []

    def differs(world: ToyWorld) -> None:
        runs.append(1)
        world.read() if len(runs) % 2 else world.exists("a")
        world.read()

    with pytest.raises(NotDeterministic):
        explore(of_one(differs))


def test_a_token_replays_what_was_found() -> None:
    found = explore(TOY["remember+delete"]).violations["leak"]
    name, strays = strays_of(found.token)
    told: list[str] = []
    assert name == "toy-remember+delete"
    assert [v.text for v in replay(TOY["remember+delete"], strays, told.append)] == [found.text]
    assert told[-1] == f"VIOLATION leak: {found.text}"
    assert any("cloud.create" in line for line in told)


def test_an_undisturbed_schedule_replays_without_a_violation() -> None:
    told: list[str] = []
    assert replay(TOY["unswept"], {}, told.append) == ()
    assert told[-1] == "no violation"


@pytest.mark.parametrize("token", ["toy-unswept", "toy-unswept@x:1", "toy-unswept@3"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(ValueError):
        strays_of(token)


def test_a_token_that_no_longer_fits_is_refused() -> None:
    with pytest.raises(NotDeterministic):
        replay(TOY["unswept"], strays_of("toy-unswept@0:7")[1], lambda _: None)


def test_shares_of_a_tree_are_the_tree() -> None:
    def schedules(share: Share) -> int:
        under = share.beginnings(TOY["swept"], BASE)
        searches = [Search(TOY["swept"], BASE, None, codes) for codes in under]
        for search in searches:
            search.go_on(10_000)
        return sum(search.result.schedules for search in searches)

    parts = [schedules(Share(i, 3)) for i in range(3)]
    assert sum(parts) == schedules(Share())
    assert min(parts) > 0


def test_a_campaign_goes_beyond_the_base_bounds_and_counts_no_schedule_twice() -> None:
    campaign = Campaign(TOY["swept"], seed=1)
    campaign.base(10_000)
    base = campaign.total()
    for _ in range(20):
        campaign.more(300)
    total = campaign.total()
    assert base.is_complete
    assert total.schedules > 3 * base.schedules
    assert total.schedules == len(campaign.memory.schedules)


def test_a_campaign_cut_short_goes_on_at_random() -> None:
    campaign = Campaign(TOY["remember+delete"], seed=1)
    campaign.base(3)
    assert not campaign.total().is_complete
    assert not campaign.total().violations
    campaign.more(500)
    assert set(campaign.total().violations) == {"leak"}


def test_walks_repeat_with_their_seed() -> None:
    def walked(seed: int) -> set[int]:
        campaign = Campaign(TOY["swept-3"], seed)
        campaign.base(1)
        campaign.more(50)
        return campaign.memory.schedules

    assert walked(1) == walked(1)
    assert walked(1) != walked(2)


class GoodLife(LongRun):
    build: ClassVar[Callable[[Gate], World]] = ToyWorld
    operations = {"create": create, "delete": delete}  # noqa: RUF012 (a class attribute of the machine)


class Unswept(ToyWorld):
    def __init__(self, gate: Gate) -> None:
        super().__init__(gate, has_sweep=False)


class BadLife(LongRun):
    build: ClassVar[Callable[[Gate], World]] = Unswept
    operations = {"create": create_then_remember, "delete": delete_what_is_remembered}  # noqa: RUF012


LIVES = settings(max_examples=60, stateful_step_count=15, deadline=None, derandomize=True, database=None)
UNSHRUNK = settings(LIVES, phases=[Phase.generate])


def test_a_long_life_without_a_leak() -> None:
    run_state_machine_as_test(GoodLife, settings=LIVES)


def test_a_long_life_with_a_leak() -> None:
    with pytest.raises(AssertionError, match="leak"):
        run_state_machine_as_test(BadLife, settings=UNSHRUNK)
