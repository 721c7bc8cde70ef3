"""Models of this machine under exploration: worker processes replaced by a scripted host."""

from collections.abc import Callable

from llmanager.models.entities import ReplicaState
from tests.fakes.model_host import FakeModelHost
from tests.simulation.execution import Scenario
from tests.simulation.fingerprints import fingerprint
from tests.simulation.gate import Gate
from tests.simulation.models_world import (
    IDLE_S,
    PERIOD_S,
    ModelsWorld,
    do_create,
    do_delete,
    do_query,
    do_reap,
    do_sleep,
    do_update,
    do_watch,
)
from tests.simulation.ports import GatedHost


class LocalModels(ModelsWorld):
    """Replicas start and stop as time goes by, not at once."""

    def make_host(self) -> GatedHost:
        self.workers = FakeModelHost()
        self.workers.starts_at_once = False
        return GatedHost(self.gate, self.workers, self.on_effect)

    def host_state(self) -> object:
        replicas = self.workers._replicas
        return sorted((name, sorted(of.items())) for name, of in replicas.items())

    def digest(self) -> bytes:
        return fingerprint(*self.digest_parts(), self.host_state())

    def resources(self) -> dict[str, bool]:
        return {
            name: any(r.state is not ReplicaState.FAILED for r in of.values())
            for name, of in self.workers._replicas.items()
        }

    def ready(self, resource: str) -> frozenset[int]:
        return frozenset(e.replica for e in self.workers.endpoints(resource))

    def tick(self, seconds: float) -> None:
        super().tick(seconds)
        for name, of in list(self.workers._replicas.items()):
            for replica in list(of.values()):
                if replica.state is ReplicaState.STARTING:
                    self.workers.become_ready(name, replica.index)


def nothing(gate: Gate) -> LocalModels:
    return LocalModels(gate)


def up(gate: Gate) -> LocalModels:
    """Ready and used just now."""
    world = LocalModels(gate)
    do_create(world)
    world.round()
    world.round()
    do_query(world)
    world.is_there_first = True
    assert world.ready(world.row().resource)  # type: ignore[union-attr]
    return world


def idle(gate: Gate) -> LocalModels:
    """Ready, and unused for so long that the next look puts it to sleep."""
    world = up(gate)
    world.tick(IDLE_S + 1)
    return world


def asleep(gate: Gate) -> LocalModels:
    world = idle(gate)
    world.round()
    world.is_there_first = True
    assert not world.resources()
    return world


STARTS: dict[str, Callable[[Gate], LocalModels]] = {"nothing": nothing, "up": up, "idle": idle, "asleep": asleep}
OPERATIONS = {
    "create": do_create,
    "delete": do_delete,
    "sleep": do_sleep,
    "update": do_update,
    "query": do_query,
    "reap": do_reap,
    "watch": do_watch,
}


def pairs() -> list[Scenario]:
    names = list(OPERATIONS)
    found = []
    for start, build in STARTS.items():
        for i, one in enumerate(names):
            for other in names[i:]:
                if start == "nothing" and "create" not in (one, other):
                    continue
                operations = {one: OPERATIONS[one], other if other != one else f"{other}-2": OPERATIONS[other]}
                found.append(Scenario(f"local-{start}-{one}-{other}", build, operations))
    return found
