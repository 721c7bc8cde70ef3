"""Every ModelHost, ready to be tested by one suite."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from emulator.cloud import Cloud
from llmanager.adapters.local.llama_cpp import LlamaCppModelHost
from llmanager.adapters.remote.openai_host import Notes, Remote, RemoteModelHost
from llmanager.models.entities import Backend, ModelSpec, Replica, ReplicaState, Scaling
from llmanager.models.ports import ModelHost
from llmanager.wiring.aws.remote_notes import TableNotes
from tests.fakes.changes import Changes
from tests.fakes.clock import FakeClock
from tests.fakes.emulator_server import act, client, emulator_server
from tests.fakes.model_host import FakeModelHost
from tests.fakes.orders import order
from tests.fakes.sagemaker import GOOD, REGION, SageMakerWorld, clients_of, host_on, prices, sagemaker_world
from tests.fakes.table import FakeTable
from tests.fakes.tiny_gguf import write_tiny_chat
from tests.fakes.weights import FakeWeights

A, B = "lm-test-a", "lm-test-b"


@dataclass
class Hosted:
    """`wait` is asked for a moment's progress; a host that takes several steps is told again what was asked of it."""

    host: ModelHost
    wait: Callable[[Callable[[], bool], Callable[[], None]], None]
    good: ModelSpec
    broken: ModelSpec  # can be started, and fails for good
    unknown: ModelSpec
    keeps_tags: bool = True
    counts_copies: bool = False  # replicas are alike: any of them is told to be the last one
    asked: Callable[[], None] = field(default=lambda: None)
    breaks: Callable[[bool], None] = field(default=lambda is_broken: None)  # what starts next, where a spec cannot

    def replicas(self, resource: str = A) -> tuple[Replica, ...]:
        return self.host.observe(resource).replicas

    def states(self, resource: str = A) -> list[ReplicaState]:
        return [replica.state for replica in self.replicas(resource)]

    def until(self, is_so: Callable[[], bool]) -> None:
        self.wait(is_so, self.asked)

    def ask(self, what: Callable[[], None]) -> None:
        self.asked = what
        what()

    def start(self, spec: ModelSpec, resource: str = A, replica: int = 0, revision: int = 1) -> None:
        self.breaks(spec is self.broken)
        wanted = order(resource, spec, replicas=replica + 1, revision=revision)
        self.ask(lambda: self.host.start(wanted, replica))

    def stop(self, resource: str = A, replica: int = 0) -> None:
        self.ask(lambda: self.host.stop(resource, replica))

    def remove(self, resource: str = A) -> None:
        self.ask(lambda: self.host.remove(resource))

    def run(self, resource: str = A, replica: int = 0, revision: int = 1) -> None:
        self.start(self.good, resource, replica, revision)
        self.until(lambda: replica in [endpoint.replica for endpoint in self.host.endpoints(resource)])


def fake(tmp_path: Path) -> Iterator[Hosted]:
    changes = Changes()
    host = FakeModelHost(budget_mib=1000, on_change=changes)
    host.broken, host.unknown = {"broken"}, {"unknown"}
    yield Hosted(
        host, lambda is_so, _: changes.until(is_so), ModelSpec("good"), ModelSpec("broken"), ModelSpec("unknown")
    )


def remote(tmp_path: Path) -> Iterator[Hosted]:
    yield from _remote(None)


def remote_on_rows(tmp_path: Path) -> Iterator[Hosted]:
    yield from _remote(TableNotes(FakeTable(FakeClock())))


def _remote(notes: Notes | None) -> Iterator[Hosted]:
    changes = Changes()
    remotes = {"good": Remote("http://127.0.0.1:9", "Bearer secret", "gpt-x")}
    host = RemoteModelHost(remotes, on_change=changes, notes=notes)
    good = ModelSpec("good", backend=Backend.REMOTE)
    unknown = replace(good, model="unknown")
    yield Hosted(host, lambda is_so, _: changes.until(is_so), good, unknown, unknown, keeps_tags=False)


def local(tmp_path: Path) -> Iterator[Hosted]:
    changes, weights = Changes(), FakeWeights()
    write_tiny_chat(tmp_path / "good.gguf")
    (tmp_path / "broken.gguf").write_bytes((tmp_path / "good.gguf").read_bytes()[:20_000])
    for name in ("good", "broken"):
        weights.here(name, tmp_path / f"{name}.gguf")
    host = LlamaCppModelHost(
        weights=weights, home=tmp_path / "home", memory_budget_mib=1000, cores=1, on_change=changes
    )
    good = ModelSpec("good", scaling=Scaling(max=2, target_concurrency=1))
    yield Hosted(
        host, lambda is_so, _: changes.until(is_so), good, replace(good, model="broken"), replace(good, model="unknown")
    )
    host.close()


def sagemaker(tmp_path: Path) -> Iterator[Hosted]:
    world = sagemaker_world()
    yield hosted_by(world, world.cloud.break_containers)


def sagemaker_over_http(tmp_path: Path) -> Iterator[Hosted]:
    """Real boto3 clients, and the emulator's HTTP face before the same account."""
    clock = FakeClock()
    cloud = Cloud(clock, prices=prices(), region=REGION)
    with emulator_server(cloud) as url:
        clients = clients_of(lambda service: client(service, url), clock)

        def breaks(name: str, is_broken: bool) -> None:
            act(url, "break_containers", name=name, is_broken=is_broken)

        yield hosted_by(SageMakerWorld(host_on(clients, clock), cloud, clock), breaks)


def hosted_by(world: SageMakerWorld, break_containers: Callable[[str, bool], None]) -> Hosted:
    def wait(is_so: Callable[[], bool], asked: Callable[[], None]) -> None:
        def again() -> None:
            asked()
            for resource in (A, B):
                world.host.observe(resource)

        world.pass_until(again, is_so)

    def breaks(is_broken: bool) -> None:
        break_containers(A, is_broken)

    unknown = replace(GOOD, model="unknown")
    return Hosted(world.host, wait, GOOD, replace(GOOD), unknown, counts_copies=True, breaks=breaks)
