"""External commands behind the guard, as the host runs them."""

import json
from dataclasses import replace

import pytest

from llmanager.adapters.local.engines import EngineCommand
from llmanager.models.entities import ReplicaState
from tests.fakes.openai_engine import engine
from tests.fakes.survivors import children, survivors
from tests.unit.adapters.local.conftest import CHAT, QUICK, ask

HELLO = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}
SPEC = replace(CHAT, engine="stand-in")


@pytest.fixture
def run_with(make_local):
    def make(command, **settings):
        return make_local(engines={"stand-in": command}, timing=QUICK, **settings)

    return make


def family(local):
    """Guard, engine and the engine's children."""
    return children(recursive=True)


def test_a_command_answers_behind_its_key(run_with):
    local = run_with(engine(served_name="stand-in"))
    endpoint = local.run(spec=SPEC)

    assert endpoint.served_name == "stand-in"
    status, _, text = ask(endpoint.base_url, "/v1/chat/completions", HELLO, endpoint.authorization)
    assert (status, json.loads(text)["model"]) == (200, "stand-in")
    assert ask(endpoint.base_url, "/v1/chat/completions", HELLO)[0] == 401


def test_its_key_is_in_no_command_line(run_with):
    local = run_with(engine())
    secret = local.run(spec=SPEC).authorization.removeprefix("Bearer ")

    lines = [" ".join(process.cmdline()) for process in family(local)]
    assert len(lines) == 2
    assert not any(secret in line for line in lines)


def test_it_gets_the_environment_that_was_configured_and_nothing_of_ours(run_with):
    command = EngineCommand(("env",), {"PATH": "/usr/bin:/bin", "CUDA_VISIBLE_DEVICES": "1"}, "ENGINE_KEY")
    local = run_with(command)
    local.start(spec=SPEC)
    local.until_failed()

    said = (local.home / "logs" / "replicas" / "lm-a" / "0.log").read_text().splitlines()
    names = {line.split("=")[0] for line in said}
    assert names == {"PATH", "CUDA_VISIBLE_DEVICES", "ENGINE_KEY", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}


def test_a_command_without_a_key_is_asked_without_one(run_with):
    local = run_with(engine(key_env=None))

    assert local.run(spec=SPEC).authorization is None


def test_an_engine_that_is_killed_is_reported_as_such(run_with):
    local = run_with(engine())
    local.run(spec=SPEC)
    children()[0].children()[0].kill()

    assert "memory ran out" in local.until_failed().reason


def test_an_engine_that_hangs_is_ended(run_with):
    local = run_with(engine())
    local.run(spec=SPEC)
    hung = family(local)
    hung[1].suspend()

    assert "stopped answering" in local.until_failed().reason
    assert survivors(hung, within_s=2) == []


def test_what_an_engine_says_when_it_ends_is_told(run_with):
    local = run_with(engine("--say", "CUDA out of memory.", "--exit-status", "1"))
    local.start(spec=SPEC)

    failed = local.until_failed()
    assert "not enough memory" in failed.reason
    assert not failed.is_final


def test_a_command_that_is_not_installed_fails_for_good(run_with):
    local = run_with(EngineCommand(("no-such-engine", "{port}")))
    local.start(spec=SPEC)

    failed = local.until_failed()
    assert "not found" in failed.reason
    assert failed.is_final


def test_stopping_ends_an_engine_with_all_its_family_though_it_will_not(run_with):
    local = run_with(engine("--family"))
    local.run(spec=SPEC)
    stubborn = family(local)
    assert len(stubborn) == 3
    local.host.stop("lm-a", 0)

    assert [replica.state for replica in local.host.observe("lm-a").replicas] == [ReplicaState.STOPPING]
    local.changes.until(lambda: not local.host.observe("lm-a").exists)
    assert survivors(stubborn, within_s=1) == []


def test_an_engine_does_not_outlive_its_guard(run_with):
    local = run_with(engine("--family"))
    local.run(spec=SPEC)
    orphans = family(local)
    orphans[0].kill()

    local.until_failed()
    assert survivors(orphans, within_s=2) == []


def test_an_engine_that_never_answers_is_given_up_with_all_its_family(run_with, make_local):
    command = EngineCommand(("sleep", "600"), {"PATH": "/usr/bin:/bin"})
    local = make_local(engines={"stand-in": command}, timing=replace(QUICK, load_timeout_s=0.3))
    local.start(spec=SPEC)

    assert "did not finish loading" in local.until_failed().reason
    assert survivors(family(local), within_s=1) == []
