"""Which scenarios `./run.sh simulate` runs, and which planted bugs it must find."""

from dataclasses import dataclass
from fnmatch import fnmatch

from tests.simulation import local_models, sagemaker_models
from tests.simulation.execution import Scenario
from tests.simulation.toy import TOYS


@dataclass(frozen=True)
class Planted:
    """A known bug, put in from outside the product, and a scenario in which the explorer must see it."""

    name: str
    what: str  # one line: what was changed, and who made this mistake
    scenario: Scenario  # its `build` or `around` plants the bug
    kinds: tuple[str, ...] = ("leak", "leased-kill", "past-ttl")  # only these count as found


SCENARIOS: tuple[Scenario, ...] = (*local_models.local_pairs(), *sagemaker_models.sagemaker_pairs())

PLANTED: tuple[Planted, ...] = ()


def chosen(pattern: str) -> list[Scenario]:
    """Those of the product; the toys only by name ("toy-*"): most of them are meant to fail."""
    of = TOYS if pattern.startswith("toy-") else SCENARIOS
    return [scenario for scenario in of if fnmatch(scenario.name, pattern)]


def named(name: str) -> Scenario:
    """Raises ValueError for a name that no scenario and no planted bug has."""
    for scenario in (*SCENARIOS, *(p.scenario for p in PLANTED), *TOYS):
        if scenario.name == name:
            return scenario
    raise ValueError(f"there is no scenario {name!r}")
