import threading
from dataclasses import replace

import psutil
import pytest

from llmanager.adapters.local.weights_port import WeightsFacts
from llmanager.kernel.errors import InvalidInput, NoRoom, Unavailable
from llmanager.models.entities import ReplicaState, Scaling
from tests.fakes.orders import held_by
from tests.fakes.survivors import children, survivors
from tests.fakes.weights import TINY
from tests.unit.adapters.local.conftest import CHAT, EMBED, QUICK, ask

HELLO = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}
LARGE = replace(TINY, size_mib=3000)


def worker_of(endpoint):
    """The process that listens on the endpoint's port."""
    port = int(endpoint.base_url.rsplit(":", 1)[1])
    family = psutil.Process().children(recursive=True)
    return next(p for p in family if any(c.laddr.port == port for c in p.net_connections() if c.status == "LISTEN"))


# --- crashes ---


def test_a_killed_worker_is_seen_at_once_and_started_again_by_start(local):
    worker_of(local.run()).kill()

    failed = local.until_failed()
    assert "memory ran out" in failed.reason
    assert not failed.is_final
    assert local.host.endpoints("lm-a") == ()
    assert local.host.memory().residents == ()

    again = local.run()
    assert ask(again.base_url, "/v1/chat/completions", HELLO, again.authorization)[0] == 200


def test_one_replicas_crash_leaves_the_other_alone(local):
    first, second = local.run(replica=0), local.run(replica=1)
    worker_of(first).kill()
    local.until_failed(replica=0)

    assert local.host.endpoints("lm-a") == (second,)
    assert ask(second.base_url, "/v1/chat/completions", HELLO, second.authorization)[0] == 200


def test_replicas_have_keys_of_their_own(local):
    first, second = local.run(replica=0), local.run(replica=1)

    assert ask(second.base_url, "/v1/models", authorization=first.authorization)[0] == 401


def test_a_worker_that_hangs_is_found_ended_and_reported(make_local):
    local = make_local(timing=QUICK)
    worker = worker_of(local.run())
    worker.suspend()

    failed = local.until_failed()
    assert "stopped answering" in failed.reason
    assert not failed.is_final
    assert not worker.is_running()


def test_a_healthy_worker_stays_however_often_it_is_looked_at(make_local):
    local = make_local(timing=QUICK)
    endpoint = local.run()
    with pytest.raises(AssertionError, match="nothing changed"):
        local.changes.until(lambda: False, timeout_s=0.5)

    assert local.host.endpoints("lm-a") == (endpoint,)


def test_a_suspected_worker_is_looked_at_before_its_turn(make_local):
    local = make_local(timing=replace(QUICK, liveness_s=3600))
    worker_of(local.run()).suspend()
    local.host.suspect("lm-a", 0)

    assert "stopped answering" in local.until_failed().reason


def test_suspecting_what_is_not_there_is_fine(local):
    local.host.suspect("lm-a", 0)


def test_a_start_that_takes_too_long_is_given_up(make_local):
    local = make_local(timing=replace(QUICK, load_timeout_s=0.001))
    local.start()

    assert "did not finish loading" in local.until_failed().reason
    assert survivors(children(), within_s=1) == []


# --- files ---


def test_a_file_of_an_unknown_architecture_fails_for_good_and_says_so(local, tmp_path):
    martian = (tmp_path / "chat.gguf").read_bytes().replace(b"llama", b"xlama")
    (tmp_path / "martian.gguf").write_bytes(martian)
    local.weights.here("martian", tmp_path / "martian.gguf")
    local.start(spec=replace(CHAT, model="martian"))

    failed = local.until_failed()
    assert "architecture" in failed.reason
    assert failed.is_final
    assert "martian" not in failed.reason


def test_why_an_engine_refused_stands_in_its_log_until_the_resource_is_removed(local, tmp_path):
    (tmp_path / "broken.gguf").write_bytes(b"nothing of the kind")
    local.weights.here("broken", tmp_path / "broken.gguf")
    local.start(spec=replace(CHAT, model="broken"))
    local.until_failed()
    log = local.home / "logs" / "replicas" / "lm-a" / "0.log"
    assert "invalid magic" in log.read_text()

    local.host.remove("lm-a")
    assert not log.exists()


def test_a_log_that_a_killed_server_left_is_found_and_removed(local):
    log = local.home / "logs" / "replicas" / "lm-old" / "0.log"
    log.parent.mkdir(parents=True)
    log.write_text("…")
    assert held_by(local.host) == ("lm-old",)

    local.host.remove("lm-old")
    assert held_by(local.host) == ()


def test_a_folder_that_cannot_be_written_is_a_failure_not_a_crash(local):
    local.home.touch()
    local.start()

    assert "could not start a process" in local.until_failed().reason


# --- weights on their way ---


def test_a_replica_shows_how_far_its_weights_are(local, tmp_path):
    local.weights.fetching("chat", "fetching 34 % (120 of 350 MiB)")
    local.start()
    local.changes.until(lambda: local.seen().stage == "fetching 34 % (120 of 350 MiB)")
    local.weights.fetching("chat", "converting")
    local.changes.until(lambda: local.seen().stage == "converting")
    local.weights.here("chat", tmp_path / "chat.gguf")
    local.changes.until(lambda: local.seen().state is ReplicaState.READY)


@pytest.mark.parametrize("is_final", [True, False])
def test_weights_that_cannot_be_had_fail_the_replica_with_their_reason(local, is_final):
    local.weights.missing("chat", "The hub does not know it.", is_final=is_final)
    local.start()

    failed = local.until_failed()
    assert (failed.reason, failed.is_final) == ("The hub does not know it.", is_final)
    assert local.weights.released == ["chat"]


def test_weights_that_nobody_can_be_asked_about_fail_the_replica_for_now(local):
    local.weights.unreachable.add("chat")
    local.start()
    failed = local.until_failed()
    assert (failed.reason, failed.is_final) == ("The hub cannot be reached.", False)

    local.weights.unreachable.clear()
    local.run()


def test_a_fetch_goes_on_while_somebody_waits_for_it(local):
    local.weights.fetching("chat", "fetching 1 %")
    for replica in (0, 1):
        local.start(replica=replica)
        local.changes.until(lambda index=replica: local.seen(replica=index).stage == "fetching 1 %")

    local.host.stop("lm-a", 0)
    local.changes.until(lambda: len(local.host.observe("lm-a").replicas) == 1)
    assert local.weights.released == []
    local.host.stop("lm-a", 1)
    local.changes.until(lambda: not local.host.observe("lm-a").exists)
    assert local.weights.released == ["chat"]


# --- room ---


def test_what_has_no_room_beside_the_others_is_refused_before_anything_starts(local):
    local.weights.fetching("chat", "fetching", facts=LARGE)
    local.start("lm-a")

    with pytest.raises(NoRoom, match=r"needs 30\d\d MiB .* of 4000 MiB are free"):
        local.start("lm-b")
    assert not local.host.observe("lm-b").exists

    local.host.stop("lm-a", 0)
    local.changes.until(lambda: not local.host.observe("lm-a").exists)
    local.start("lm-b")


def test_of_many_at_once_only_as_many_start_as_have_room(local):
    local.weights.fetching("chat", "fetching", facts=replace(TINY, size_mib=1200))
    outcomes = []

    def start(number):
        try:
            local.start(f"lm-{number}")
            outcomes.append("started")
        except NoRoom:
            outcomes.append("no room")

    threads = [threading.Thread(target=start, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(outcomes) == ["no room"] * 5 + ["started"] * 3


def test_when_the_header_tells_that_it_is_larger_the_replica_fails_but_may_come_again(local, tmp_path):
    guessed = WeightsFacts(size_mib=1, download_mib=1, context_tokens=None, kv_bytes_per_token=None, dimensions=None)
    local.weights.fetching("chat", "fetching 99 %", facts=guessed)
    local.start()
    local.weights.here("chat", tmp_path / "chat.gguf", facts=replace(LARGE, size_mib=9000))

    failed = local.until_failed()
    assert "9" in failed.reason
    assert not failed.is_final
    with pytest.raises(NoRoom):
        local.start()


def test_memory_is_what_each_resource_takes(local):
    local.run("lm-a", replica=0)
    local.run("lm-a", replica=1)
    local.run("lm-b", EMBED)

    residents = {resident.resource: resident.memory_mib for resident in local.host.memory().residents}
    assert residents == {"lm-a": 2 * (1 + 1 + 96), "lm-b": 1 + 1 + 128}


# --- specs and the end ---


def test_an_engine_that_nobody_configured_is_refused(local):
    spec = replace(CHAT, engine="warp")

    with pytest.raises(InvalidInput, match="'warp'") as refused:
        local.host.quote(spec)
    assert refused.value.param == "engine"
    local.start(spec=spec)
    assert local.until_failed().is_final


def test_a_quote_is_for_the_slots_that_were_asked_for(local):
    wide = replace(CHAT, context_tokens=2048, scaling=Scaling(target_concurrency=64))

    assert local.host.quote(wide).memory_mib == 1 + 64 * 2048 * 128 // 1024 // 1024 + 96


def test_after_close_nothing_runs_and_nothing_starts(make_local):
    local = make_local()
    workers = [worker_of(local.run(replica=0)), worker_of(local.run(replica=1))]
    local.host.close()

    assert not any(worker.is_running() for worker in workers)
    with pytest.raises(Unavailable):
        local.start()
