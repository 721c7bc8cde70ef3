"""What every ModelHost must do. Where a host needs time, `until` waits for it to say that something changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from llmanager.adapters.local.llama_cpp import LlamaCppModelHost
from llmanager.adapters.remote.openai_host import Remote, RemoteModelHost
from llmanager.kernel.errors import InvalidInput
from llmanager.models.entities import Backend, ModelSpec, Replica, ReplicaState, Scaling
from llmanager.models.ports import ModelHost
from tests.fakes.changes import Changes
from tests.fakes.clock import NOON
from tests.fakes.model_host import FakeModelHost
from tests.fakes.orders import TAGS, held_by, order
from tests.fakes.sagemaker import GOOD, sagemaker_world
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
    changes = Changes()
    host = RemoteModelHost({"good": Remote("http://127.0.0.1:9", "Bearer secret", "gpt-x")}, on_change=changes)
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

    def wait(is_so: Callable[[], bool], asked: Callable[[], None]) -> None:
        def again() -> None:
            asked()
            for resource in (A, B):
                world.host.observe(resource)

        world.pass_until(again, is_so)

    def breaks(is_broken: bool) -> None:
        world.cloud.break_containers(A, is_broken)

    unknown = replace(GOOD, model="unknown")
    yield Hosted(world.host, wait, GOOD, replace(GOOD), unknown, counts_copies=True, breaks=breaks)


@pytest.fixture(params=[fake, remote, local, sagemaker], ids=lambda make: make.__name__)
def hosted(request, tmp_path):
    yield from request.param(tmp_path)


def test_what_was_never_started_is_not_there(hosted):
    assert not hosted.host.observe(A).exists
    assert hosted.replicas() == ()
    assert hosted.host.endpoints(A) == ()
    assert held_by(hosted.host) == ()


def test_a_started_replica_becomes_ready_and_has_an_endpoint(hosted):
    hosted.run()

    assert hosted.host.observe(A).exists
    assert hosted.states() == [ReplicaState.READY]
    (endpoint,) = hosted.host.endpoints(A)
    assert endpoint.base_url.startswith(("http://127.0.0.1:", "https://"))
    assert not endpoint.base_url.endswith("/")


def test_starting_it_twice_starts_one(hosted):
    hosted.run()
    before = hosted.host.endpoints(A)
    hosted.start(hosted.good)

    assert hosted.host.endpoints(A) == before


def test_replicas_of_one_resource_are_told_apart_by_their_index(hosted):
    if hosted.counts_copies:
        hosted.run(replica=1)
        hosted.stop(replica=1)
        hosted.until(lambda: [replica.index for replica in hosted.replicas()] == [0])
        return
    hosted.run(replica=1)
    hosted.run(replica=0)

    assert [replica.index for replica in hosted.replicas()] == [0, 1]
    assert [endpoint.replica for endpoint in hosted.host.endpoints(A)] == [0, 1]

    hosted.stop(replica=0)
    hosted.until(lambda: [replica.index for replica in hosted.replicas()] == [1])
    assert [endpoint.replica for endpoint in hosted.host.endpoints(A)] == [1]


def test_a_stopped_replica_is_offered_to_nobody_from_then_on(hosted):
    hosted.run()
    hosted.stop(replica=0)

    assert hosted.host.endpoints(A) == ()
    hosted.until(lambda: hosted.replicas() == ())


def test_stopping_what_does_not_run_changes_nothing(hosted):
    hosted.stop(replica=0)
    hosted.run()
    hosted.stop(replica=7)

    assert hosted.states() == [ReplicaState.READY]


def test_a_stopped_replica_can_be_started_again_at_once(hosted):
    hosted.run()
    hosted.stop(replica=0)
    hosted.run()

    hosted.until(lambda: hosted.states() == [ReplicaState.READY])


def test_after_remove_the_host_holds_nothing_of_the_resource(hosted):
    hosted.run(A)
    hosted.run(B)
    hosted.remove(A)

    hosted.until(lambda: not hosted.host.observe(A).exists)
    assert held_by(hosted.host) == (B,)
    assert hosted.states(B) == [ReplicaState.READY]


def test_removing_what_is_not_there_is_fine(hosted):
    hosted.remove(A)

    assert held_by(hosted.host) == ()


def test_a_model_that_cannot_work_ends_as_failed_for_good(hosted):
    hosted.start(hosted.broken)
    hosted.until(lambda: hosted.states() == [ReplicaState.FAILED])

    (failed,) = hosted.replicas()
    assert failed.is_final or hosted.counts_copies, "a cloud does not say whether another try could help"
    assert failed.reason.endswith(".")
    assert "/" not in failed.reason
    assert hosted.host.endpoints(A) == ()
    assert held_by(hosted.host) == (A,)


def test_a_failed_replica_is_forgotten_when_it_is_stopped(hosted):
    hosted.start(hosted.broken)
    hosted.until(lambda: hosted.states() == [ReplicaState.FAILED])
    hosted.stop(replica=0)

    hosted.until(lambda: hosted.replicas() == ())


def test_a_failed_replica_can_be_started_with_what_works(hosted):
    hosted.start(hosted.broken)
    hosted.until(lambda: hosted.states() == [ReplicaState.FAILED])
    hosted.run()

    assert hosted.states() == [ReplicaState.READY]


def test_a_quote_starts_nothing(hosted):
    quote = hosted.host.quote(hosted.good)

    assert quote.fits
    assert quote.fit_reason
    assert held_by(hosted.host) == ()


def test_an_unknown_model_has_no_quote(hosted):
    with pytest.raises(InvalidInput, match="'unknown'") as refused:
        hosted.host.quote(hosted.unknown)
    assert refused.value.param == "model"


def test_memory_that_a_replica_takes_is_free_again_when_it_is_gone(hosted):
    before = hosted.host.memory()
    hosted.run()
    during = hosted.host.memory()
    hosted.stop(replica=0)
    hosted.until(lambda: hosted.replicas() == ())

    if before is not None:
        assert [resident.resource for resident in during.residents] == [A]
        assert during.free_mib < before.free_mib
    assert hosted.host.memory() == before


def test_an_endpoints_secret_is_not_shown(hosted):
    hosted.run()
    (endpoint,) = hosted.host.endpoints(A)

    assert endpoint.authorization.startswith("Bearer ")
    assert endpoint.authorization not in repr(endpoint)


def test_a_replica_tells_the_revision_that_it_was_started_under(hosted):
    hosted.run(revision=3)

    assert [replica.revision for replica in hosted.replicas()] == [3]


def test_what_is_held_tells_its_tags_and_whether_it_runs(hosted):
    hosted.run()
    (held,) = hosted.host.resources()
    assert held.is_running
    assert held.tags == TAGS

    later = replace(TAGS, ttl_at=NOON)
    hosted.host.retag(A, later)
    hosted.until(lambda: [h.tags for h in hosted.host.resources()] == [later] or not hosted.keeps_tags)


def test_parked_it_runs_nothing_and_can_be_started_again(hosted):
    hosted.run()
    hosted.ask(lambda: hosted.host.park(A))
    hosted.until(lambda: hosted.replicas() == ())
    assert hosted.host.endpoints(A) == ()
    hosted.run()


def test_parking_and_tagging_what_is_not_there_makes_nothing(hosted):
    hosted.host.park(A)
    hosted.host.retag(A, TAGS)
    assert held_by(hosted.host) == ()
    assert not hosted.host.observe(A).exists


def test_without_data_a_host_does_not_tell_how_busy_its_gpus_are(hosted):
    assert hosted.host.gpu_percent(A, NOON) is None
