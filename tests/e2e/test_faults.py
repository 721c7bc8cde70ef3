"""Workers that die or hang under their requests: clients are told, other replicas go on, the worker comes back."""

import time

import psutil
import pytest

from tests.e2e.crowd import Stream
from tests.fakes.eventually import eventually
from tests.fakes.survivors import survivors

pytestmark = pytest.mark.e2e


def until_answered(world, model, within_s):
    """The seconds until the model answers again; what it says before that is an error of ours."""
    began_s = time.monotonic()

    def status():
        answer = world.chat(model)
        assert answer.status in (200, 502, 503, 504), answer
        return answer.status

    eventually(status, lambda status: status == 200, within_s=within_s)
    return time.monotonic() - began_s


def connections(worker: psutil.Process) -> int:
    """Requests under way at a worker, as far as its sockets tell."""
    return sum(connection.status == psutil.CONN_ESTABLISHED for connection in worker.net_connections())


def is_broken(stream: Stream) -> bool:
    """Whether the stream has ended with an error; one that goes on is left after a while."""
    ends_s = time.monotonic() + 1.5
    with stream.connection:
        while b'"upstream_failed"' not in stream.text and time.monotonic() < ends_s:
            stream.text = stream.text[-200:] + stream.connection.recv(65_536)
    return b'"upstream_failed"' in stream.text


def test_a_worker_killed_mid_stream_ends_it_with_an_error_and_is_back_within_seconds(world, record_property):
    world.create("long", "long.gguf")
    stream = Stream.open(world.api.base_url, "long", max_tokens=60_000)
    stream.until(b'"content"')
    (worker,) = world.workers()
    worker.kill()
    *_, last = stream.to_end().split(b"data: ")
    assert last.startswith(b'{"error": {"message": ')
    assert b'"type": "upstream_error", "code": "upstream_failed", "param": null}}\n\n' in last
    record_property("back_s", round(until_answered(world, "long", within_s=5), 3))
    assert "replica failed" in world.events("long")


def test_workers_that_hang_are_found_and_replaced_asked_or_not(world, record_property):
    world.create("idle", "long.gguf")
    world.create("long", "long.gguf")
    stream = Stream.open(world.api.base_url, "long", max_tokens=60_000)
    stream.until(b'"content"')
    hung = world.workers()
    for worker in hung:
        worker.suspend()
    assert b'"code": "upstream_timeout"' in stream.to_end() or b'"code": "upstream_failed"' in stream.text
    assert b"[DONE]" not in stream.text
    record_property("back_s", round(until_answered(world, "long", within_s=30), 3))
    eventually(lambda: world.events("idle"), lambda events: events[-2:] == ["replica failed", "ready"], within_s=30)
    assert world.chat("idle").status == 200
    assert not set(hung) & set(world.workers())


def test_two_replicas_share_the_work_and_one_goes_on_alone_while_the_other_is_replaced(world):
    world.create("pair", "long.gguf", scaling={"min": 2, "max": 2})
    eventually(
        lambda: world.status("pair"), lambda seen: [r["state"] for r in seen["replicas"]] == ["ready"] * 2, within_s=10
    )
    streams = [Stream.open(world.api.base_url, "pair", max_tokens=60_000) for _ in range(4)]
    for stream in streams:
        stream.until(b'"content"')
    first, second = world.workers()
    assert (connections(first), connections(second)) == (2, 2), "the one with fewer requests gets the next"

    second.kill()
    assert survivors([second], within_s=5) == []
    assert [world.chat("pair").status for _ in range(10)] == [200] * 10
    eventually(
        lambda: world.status("pair"), lambda seen: [r["state"] for r in seen["replicas"]] == ["ready"] * 2, within_s=10
    )
    assert sum(is_broken(stream) for stream in streams) == 2, "only those of the worker that was killed"
    assert first in world.workers()
