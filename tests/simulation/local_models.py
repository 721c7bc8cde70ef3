"""Models of this machine under exploration: worker processes replaced by a scripted host."""

from typing import Any

from llmanager.models.entities import ReplicaState
from tests.fakes.model_host import FakeModelHost
from tests.simulation.execution import Scenario
from tests.simulation.fingerprints import fingerprint
from tests.simulation.models_world import (
    PREPARED,
    ModelsWorld,
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

    def host_snapshot(self) -> object:
        return {name: dict(of) for name, of in self.workers._replicas.items()}, dict(self.workers.tags)

    def restore_host(self, snapshot: Any) -> None:
        self.workers._replicas = {name: dict(of) for name, of in snapshot[0].items()}
        self.workers.tags = dict(snapshot[1])

    def tick(self, seconds: float) -> None:
        super().tick(seconds)
        for name, of in list(self.workers._replicas.items()):
            for replica in list(of.values()):
                if replica.state is ReplicaState.STARTING:
                    self.workers.become_ready(name, replica.index)


STARTS = {name: Prepared(LocalModels, prepare) for name, prepare in PREPARED.items()}
OPERATIONS = {
    "create": do_create,
    "delete": do_delete,
    "sleep": do_sleep,
    "update": do_update,
    "query": do_query,
    "wake": do_wake,
    "reap": do_reap,
    "watch": do_watch,
}


def local_pairs() -> list[Scenario]:
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
