"""Workers follow copies: started, started again, and ended with them."""

import os
import signal

import psutil
import pytest
from botocore.exceptions import ClientError

from emulator.http.engines import Engine, engines
from tests.fakes.emulated_hosting import TEI, hosting
from tests.fakes.emulator_server import stand_in
from tests.fakes.eventually import eventually
from tests.fakes.survivors import is_alive, survivors

CHAT = {"messages": [{"role": "user", "content": "hi"}]}


def workers(models):
    return [psutil.Process(one["pid"]) for one in models.containers() if one["pid"]]


def test_copies_have_a_worker_each_and_none_is_left_when_they_are_gone(tmp_path):
    with hosting(tmp_path, chat=stand_in("--family")) as models:
        models.create("chat", copies=2)
        assert models.settled("chat") == "InService"
        running = workers(models)
        family = running + [child for one in running for child in one.children()]
        assert (len(running), len(family)) == (2, 4)

        models.scale("chat", 0)
        assert survivors(family, within_s=10) == []
        with pytest.raises(ClientError, match="no capacity"):
            models.invoke("chat", CHAT)

        models.scale("chat", 1)
        assert models.invoke("chat", CHAT)["choices"]
        running = workers(models)
    assert survivors(running, within_s=10) == []


def test_a_worker_that_dies_is_started_again(tmp_path):
    with hosting(tmp_path, chat=stand_in()) as models:
        models.create("chat")
        assert models.settled("chat") == "InService"
        (first,) = workers(models)
        os.kill(first.pid, signal.SIGKILL)
        eventually(lambda: not is_alive(first))
        with pytest.raises(ClientError, match="ModelError"):
            models.invoke("chat", CHAT)
        eventually(lambda: [one for one in models.containers() if one["is_healthy"] and one["pid"] != first.pid])
        assert models.invoke("chat", CHAT)["choices"]


def test_a_container_that_ends_by_itself_fails_its_component(tmp_path):
    for engine in (stand_in("--exit-status", "1"), Engine(("/no/such/program",))):
        with hosting(tmp_path, chat=engine, health_check_s=0.5) as models:
            models.create("chat")
            assert models.settled("chat") == "Failed"
            assert "ping health check" in models.component("chat")["FailureReason"]
            eventually(lambda: models.containers() == [])


def test_without_an_engine_for_its_kind_a_container_never_gets_healthy(tmp_path):
    with hosting(tmp_path, chat=stand_in(), health_check_s=0.3) as models:
        models.create("vectors", TEI)
        assert models.settled("vectors") == "Failed"


def test_an_engine_is_a_command_with_places_to_fill_in(tmp_path):
    file = tmp_path / "engines.json"
    file.write_text('{"chat": {"argv": ["a", "--port={port}", "{cache}/x", "{served_name}"], "env": {"P": "{root}"}}}')
    engine = engines(file)["chat"]
    argv, env = engine.command(8080, tmp_path, "{port}")
    assert argv == ["a", "--port=8080", f"{tmp_path}/x", "{port}"], "what a caller chose is not looked into"
    assert os.path.isdir(os.path.join(env["P"], "emulator"))
    assert engine.health_path == "/health"

    file.write_text('{"chatt": {"argv": ["a"]}}')
    with pytest.raises(ValueError, match="chatt"):
        engines(file)
