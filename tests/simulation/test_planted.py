"""The planted bugs: there are twenty, each is planted and taken out again, and none of what they show is there else."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from llmanager.models import reconcile
from tests.simulation import catalog
from tests.simulation.campaign import Campaign
from tests.simulation.execution import Scenario
from tests.simulation.planting import Planted, Swap, swapped
from tests.simulation.workers import Plant, Worker

pytestmark = pytest.mark.simulation

QUICK = ("caps-added-up-alone", "rows-before-resources", "rows-gone-first", "held-beyond-its-end")


def named(name: str) -> Planted:
    return next(p for p in catalog.PLANTED if p.name == name)


def product() -> Iterator[tuple[str, Any]]:
    """Every function and method of the modules that bugs are planted in."""
    for name, module in sorted(sys.modules.items()):
        if name.startswith(("llmanager.models", "llmanager.vdb", "llmanager.adapters.aws")):
            for attribute, value in vars(module).items():
                yield f"{name}.{attribute}", value
                if isinstance(value, type) and value.__module__.startswith("llmanager"):
                    yield from ((f"{name}.{attribute}.{of}", method) for of, method in vars(value).items())


def test_there_are_twenty() -> None:
    assert len(catalog.PLANTED) == 20
    assert len({p.name for p in catalog.PLANTED}) == 20
    assert len({p.scenario.name for p in catalog.PLANTED}) == 20
    assert not {p.scenario.name for p in catalog.PLANTED} & {s.name for s in catalog.SCENARIOS}


@pytest.mark.parametrize("bug", catalog.PLANTED, ids=lambda bug: bug.name)
def test_a_bug_changes_the_product_only_while_it_is_explored(bug: Planted) -> None:
    before = dict(product())
    with bug.scenario.around():
        during = dict(product())
    assert any(during[name] is not before[name] for name in before)
    after = dict(product())
    assert all(after[name] is before[name] for name in before)


def test_what_is_planted_is_taken_out_again_after_an_error() -> None:
    before = reconcile.plan
    with pytest.raises(RuntimeError), swapped(Swap(reconcile, "plan", lambda _: None)):
        raise RuntimeError
    assert reconcile.plan is before


@pytest.mark.parametrize("name", QUICK)
def test_a_bug_is_found_and_without_it_nothing_is(name: str) -> None:
    bug = named(name)
    (report,) = Worker().obey(Plant(name, executions=1_000, seed=1))
    assert any(kind in bug.kinds for kind in report.result.violations)
    assert _without(bug.scenario, report.result.executions) == {}


def _without(scenario: Scenario, executions: int) -> dict[str, Any]:
    """The same scenario from the same beginning, at least as long as it took to find the bug."""
    campaign = Campaign(replace(scenario, build=scenario.build.anew()), seed=1)  # type: ignore[attr-defined]
    campaign.base(max(200, executions))
    return campaign.total().violations
