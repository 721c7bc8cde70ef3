"""Updates under load, and replicas that follow their requests: with real workers."""

import threading
from typing import Any

import pytest

from tests.e2e.crowd import Stream
from tests.fakes.eventually import eventually

pytestmark = pytest.mark.e2e


def replicas(world, name: str) -> dict[int, str]:
    return {replica["index"]: replica["state"] for replica in world.status(name)["replicas"]}


class Askers:
    """Ask one after another until they are told to stop, and remember every answer that was not whole."""

    def __init__(self, world: Any, name: str, many: int) -> None:
        self.answered, self.lost = 0, []
        self._world, self._name, self._stop = world, name, threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(many)]

    def __enter__(self) -> "Askers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _ask(self) -> None:
        while not self._stop.is_set():
            answer = self._world.chat(self._name, max_tokens=24)
            self.answered += 1
            if answer.status != 200 or not answer.json["choices"][0]["finish_reason"]:
                self.lost.append(answer)


def test_an_update_beside_the_running_replica_loses_no_request_and_cuts_no_stream(world):
    world.create("rolled", "long.gguf")
    (before,) = world.workers()
    stream = Stream.open(world.api.base_url, "rolled", max_tokens=3_000)
    stream.until(b'"content"')
    with Askers(world, "rolled", many=3) as askers:
        assert world.api.post("/model/update", {"name": "rolled", "context_tokens": 8192}).status == 202
        eventually(lambda: replicas(world, "rolled").get(1), lambda state: state == "ready", within_s=20)
        answered = askers.answered
        eventually(lambda: askers.answered, lambda count: count > answered + 5, within_s=20)
        assert before.is_running(), "it goes on with what it was asked before the update"
        end = stream.to_end()
    assert b"data: [DONE]" in end
    assert askers.lost == []
    eventually(lambda: replicas(world, "rolled"), lambda seen: seen == {1: "ready"}, within_s=20)
    eventually(before.is_running, lambda is_running: not is_running, within_s=20)


def test_replicas_follow_the_requests_that_are_open(world):
    scaling = {"min": 1, "max": 2, "target_concurrency": 1}
    world.create("scaled", "long.gguf", scaling=scaling)
    assert len(world.workers()) == 1
    streams = [Stream.open(world.api.base_url, "scaled", max_tokens=60_000) for _ in range(2)]
    eventually(lambda: replicas(world, "scaled"), lambda seen: seen == {0: "ready", 1: "ready"}, within_s=20)
    assert len(world.workers()) == 2
    for stream in streams:
        stream.leave()
