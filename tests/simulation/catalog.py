"""Which scenarios `./run.sh simulate` runs, and which planted bugs it must find."""

from fnmatch import fnmatch

from tests.simulation.execution import Scenario
from tests.simulation.models_scenarios import MODEL_SCENARIOS
from tests.simulation.models_special import SPECIAL_SCENARIOS
from tests.simulation.planted import PLANTED_BUGS
from tests.simulation.planting import Planted as Planted
from tests.simulation.toy import TOYS
from tests.simulation.vdb_world import VDB_SCENARIOS

SCENARIOS: tuple[Scenario, ...] = (*MODEL_SCENARIOS, *SPECIAL_SCENARIOS, *VDB_SCENARIOS)

PLANTED: tuple[Planted, ...] = PLANTED_BUGS


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
