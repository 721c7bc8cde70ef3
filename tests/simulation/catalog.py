"""Which scenarios `./run.sh simulate` runs, and which planted bugs it must find."""

from dataclasses import dataclass
from fnmatch import fnmatch

from tests.simulation.execution import Scenario
from tests.simulation.models_scenarios import MODEL_SCENARIOS
from tests.simulation.toy import TOYS
from tests.simulation.vdb_world import VDB_SCENARIOS


@dataclass(frozen=True)
class Planted:
    """A known bug, put in from outside the product, and a scenario in which the explorer must see it."""

    name: str
    what: str  # one line: what was changed, and who made this mistake
    scenario: Scenario  # its `build` or `around` plants the bug
    kinds: tuple[str, ...] = ("leak", "leased-kill", "past-ttl")  # only these count as found


SCENARIOS: tuple[Scenario, ...] = (*MODEL_SCENARIOS, *VDB_SCENARIOS)

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
