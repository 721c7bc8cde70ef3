"""Which operations on models meet each other, in which state: all pairs, and the triples that are told to be worst."""

from collections.abc import Callable, Mapping

from tests.simulation.execution import Operation, Scenario
from tests.simulation.gate import Gate
from tests.simulation.local_models import LocalModels
from tests.simulation.models_operations import (
    PREPARED,
    Prepared,
    do_create,
    do_delete,
    do_query,
    do_reap,
    do_sleep,
    do_update,
    do_wake,
    do_watch,
)
from tests.simulation.models_world import ModelsWorld
from tests.simulation.sagemaker_models import SageMakerModels

OPERATIONS: Mapping[str, Operation] = {
    "create": do_create,
    "delete": do_delete,
    "sleep": do_sleep,
    "update": do_update,
    "query": do_query,
    "wake": do_wake,
    "reap": do_reap,
    "watch": do_watch,
}
TRIPLES = (
    ("nothing", "create", "create", "delete"),
    ("nothing", "create", "delete", "reap"),
    ("nothing", "create", "delete", "query"),
    ("up", "delete", "create", "reap"),
    ("up", "delete", "update", "query"),
    ("idle", "query", "reap", "delete"),
    ("idle", "query", "query", "reap"),
    ("idle", "sleep", "query", "reap"),
    ("asleep", "query", "delete", "create"),
    ("asleep", "query", "update", "reap"),
)


def scenarios(kind: str, make: Callable[[Gate], ModelsWorld]) -> list[Scenario]:
    starts = {name: Prepared(make, prepare) for name, prepare in PREPARED.items()}
    pairs = [
        (start, one, other)
        for start in starts
        for i, one in enumerate(OPERATIONS)
        for other in [*OPERATIONS][i:]
        if start != "nothing" or "create" in (one, other)
    ]
    return [Scenario(f"{kind}-{'-'.join(told)}", starts[told[0]], _processes(told[1:])) for told in (*pairs, *TRIPLES)]


def _processes(names: tuple[str, ...]) -> dict[str, Operation]:
    """Two of one kind are told apart by a number."""
    found: dict[str, Operation] = {}
    for name in names:
        found[f"{name}-2" if name in found else name] = OPERATIONS[name]
    return found


MODEL_SCENARIOS = (*scenarios("local", LocalModels), *scenarios("sagemaker", SageMakerModels))
