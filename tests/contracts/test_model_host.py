"""What every ModelHost must do. Where a host needs time, `until` waits for it to say that something changed."""

from dataclasses import replace

import pytest

from llmanager.kernel.errors import InvalidInput
from llmanager.models.entities import ReplicaState
from tests.contracts.model_hosts import (
    A,
    B,
    fake,
    local,
    remote,
    remote_on_rows,
    sagemaker,
    sagemaker_over_http,
)
from tests.fakes.clock import NOON
from tests.fakes.orders import TAGS, held_by

HOSTS = [fake, remote, remote_on_rows, local, sagemaker, sagemaker_over_http]


@pytest.fixture(params=HOSTS, ids=lambda make: make.__name__)
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
