"""Models of this machine under exploration: worker processes replaced by a scripted host."""

from typing import Any

from llmanager.models.entities import ReplicaState
from tests.fakes.model_host import FakeModelHost
from tests.simulation.fingerprints import fingerprint
from tests.simulation.models_world import ModelsWorld
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
