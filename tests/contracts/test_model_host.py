"""What every ModelHost must do. Where a host needs time, `until` waits for it to say that something changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from llmanager.adapters.local.llama_cpp import LlamaCppModelHost
from llmanager.adapters.remote.openai_host import Remote, RemoteModelHost
from llmanager.kernel.errors import InvalidInput
from llmanager.models.entities import Backend, ModelSpec, Replica, ReplicaState, Scaling
from llmanager.models.ports import ModelHost
from tests.fakes.changes import Changes
from tests.fakes.model_host import FakeModelHost
from tests.fakes.orders import held_by, order
from tests.fakes.tiny_gguf import write_tiny_chat
from tests.fakes.weights import FakeWeights


@dataclass
class Hosted:
    host: ModelHost
    changes: Changes
    good: ModelSpec
    broken: ModelSpec  # can be started, and fails for good
    unknown: ModelSpec

    def replicas(self, resource: str = "lm-a") -> tuple[Replica, ...]:
        return self.host.observe(resource).replicas

    def states(self, resource: str = "lm-a") -> list[ReplicaState]:
        return [replica.state for replica in self.replicas(resource)]

    def until(self, is_so: Callable[[], bool]) -> None:
        self.changes.until(is_so)

    def run(self, resource: str = "lm-a", replica: int = 0) -> None:
        self.host.start(order(resource, self.good), replica)
        self.until(lambda: replica in [endpoint.replica for endpoint in self.host.endpoints(resource)])


def fake(tmp_path: Path) -> Iterator[Hosted]:
    changes = Changes()
    host = FakeModelHost(budget_mib=1000, on_change=changes)
    host.broken, host.unknown = {"broken"}, {"unknown"}
    yield Hosted(host, changes, ModelSpec("good"), ModelSpec("broken"), ModelSpec("unknown"))


def remote(tmp_path: Path) -> Iterator[Hosted]:
    changes = Changes()
    host = RemoteModelHost({"good": Remote("http://127.0.0.1:9", "Bearer secret", "gpt-x")}, on_change=changes)
    good = ModelSpec("good", backend=Backend.REMOTE)
    unknown = replace(good, model="unknown")
    yield Hosted(host, changes, good, unknown, unknown)


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
    yield Hosted(host, changes, good, replace(good, model="broken"), replace(good, model="unknown"))
    host.close()


@pytest.fixture(params=[fake, remote, local], ids=lambda make: make.__name__)
def hosted(request, tmp_path):
    yield from request.param(tmp_path)


def test_what_was_never_started_is_not_there(hosted):
    assert not hosted.host.observe("lm-a").exists
    assert hosted.replicas() == ()
    assert hosted.host.endpoints("lm-a") == ()
    assert held_by(hosted.host) == ()


def test_a_started_replica_becomes_ready_and_has_an_endpoint(hosted):
    hosted.run()

    assert hosted.host.observe("lm-a").exists
    assert hosted.states() == [ReplicaState.READY]
    (endpoint,) = hosted.host.endpoints("lm-a")
    assert endpoint.base_url.startswith("http://127.0.0.1:")
    assert not endpoint.base_url.endswith("/")


def test_starting_it_twice_starts_one(hosted):
    hosted.run()
    before = hosted.host.endpoints("lm-a")
    hosted.host.start(order("lm-a", hosted.good), 0)

    assert hosted.host.endpoints("lm-a") == before


def test_replicas_of_one_resource_are_told_apart_by_their_index(hosted):
    hosted.run(replica=1)
    hosted.run(replica=0)

    assert [replica.index for replica in hosted.replicas()] == [0, 1]
    assert [endpoint.replica for endpoint in hosted.host.endpoints("lm-a")] == [0, 1]

    hosted.host.stop("lm-a", 0)
    hosted.until(lambda: [replica.index for replica in hosted.replicas()] == [1])
    assert [endpoint.replica for endpoint in hosted.host.endpoints("lm-a")] == [1]


def test_a_stopped_replica_is_offered_to_nobody_from_then_on(hosted):
    hosted.run()
    hosted.host.stop("lm-a", 0)

    assert hosted.host.endpoints("lm-a") == ()
    hosted.until(lambda: hosted.replicas() == ())


def test_stopping_what_does_not_run_changes_nothing(hosted):
    hosted.host.stop("lm-a", 0)
    hosted.run()
    hosted.host.stop("lm-a", 7)

    assert hosted.states() == [ReplicaState.READY]


def test_a_stopped_replica_can_be_started_again_at_once(hosted):
    hosted.run()
    hosted.host.stop("lm-a", 0)
    hosted.run()

    hosted.until(lambda: hosted.states() == [ReplicaState.READY])


def test_after_remove_the_host_holds_nothing_of_the_resource(hosted):
    hosted.run("lm-a")
    hosted.run("lm-b")
    hosted.host.remove("lm-a")

    hosted.until(lambda: not hosted.host.observe("lm-a").exists)
    assert held_by(hosted.host) == ("lm-b",)
    assert hosted.states("lm-b") == [ReplicaState.READY]


def test_removing_what_is_not_there_is_fine(hosted):
    hosted.host.remove("lm-a")

    assert held_by(hosted.host) == ()


def test_a_model_that_cannot_work_ends_as_failed_for_good(hosted):
    hosted.host.start(order("lm-a", hosted.broken), 0)
    hosted.until(lambda: hosted.states() == [ReplicaState.FAILED])

    (failed,) = hosted.replicas()
    assert failed.is_final
    assert failed.reason.endswith(".")
    assert "/" not in failed.reason
    assert hosted.host.endpoints("lm-a") == ()
    assert held_by(hosted.host) == ("lm-a",)


def test_a_failed_replica_is_forgotten_when_it_is_stopped(hosted):
    hosted.host.start(order("lm-a", hosted.broken), 0)
    hosted.until(lambda: hosted.states() == [ReplicaState.FAILED])
    hosted.host.stop("lm-a", 0)

    hosted.until(lambda: not hosted.host.observe("lm-a").exists)


def test_a_failed_replica_can_be_started_with_what_works(hosted):
    hosted.host.start(order("lm-a", hosted.broken), 0)
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
    hosted.host.stop("lm-a", 0)
    hosted.until(lambda: hosted.replicas() == ())

    if before is not None:
        assert [resident.resource for resident in during.residents] == ["lm-a"]
        assert during.free_mib < before.free_mib
    assert hosted.host.memory() == before


def test_an_endpoints_secret_is_not_shown(hosted):
    hosted.run()
    (endpoint,) = hosted.host.endpoints("lm-a")

    assert endpoint.authorization.startswith("Bearer ")
    assert endpoint.authorization not in repr(endpoint)
