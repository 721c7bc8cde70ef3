"""A registry whose rows another process changes: here are the rows, and a directory that nobody tells of them."""

from llmanager.models.entities import Desired, Model, ReplicaState
from llmanager.models.ports import Endpoint
from llmanager.wiring.aws.directory import RowDirectory
from tests.unit.models.usecases.world import GREETER, World

FAST_S = 0.005


def endpoints_in(model: Model) -> tuple[Endpoint, ...]:
    ready = (r.index for r in model.observed.replicas if r.state is ReplicaState.READY)
    return tuple(Endpoint(index, f"http://{model.resource}") for index in ready)


class Elsewhere(World):
    """`settle` is what the reconciler does, in a process of its own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.poked: list[tuple[str, str]] = []
        self.reads = 0
        get = self.table.get

        def counted(partition, sort):
            self.reads += partition.startswith("model#")
            return get(partition, sort)

        self.table.get = counted
        self.directory = self.another("here")

    def another(self, holder: str) -> RowDirectory:
        return RowDirectory(self.registry, self.clock, lambda: holder, self.poked.append, endpoints_in, poll_s=FAST_S)

    @property
    def route(self):
        return self.directory.find(*GREETER)

    @property
    def use(self):
        return self.registry.use(GREETER)

    def sleeping(self) -> None:
        self.up()
        self.clock.advance(901)
        self.settle()
        assert self.model().desired is Desired.ASLEEP
