"""Clients that go away: the worker stops working for them, and its slot is free for the next."""

import contextlib
import http.client
import json
import random
import time
from urllib.parse import urlsplit

import psutil
import pytest

from tests.e2e.crowd import Stream, at_once
from tests.fakes.eventually import eventually

pytestmark = pytest.mark.e2e

FREE_WITHIN_S = 5.0


@pytest.fixture
def single(world):
    """One request at a time: who comes second waits for the first."""
    return world.create("single", "long.gguf", context_tokens=65_536, scaling={"target_concurrency": 1})


def served_after_s(world, model):
    began_s = time.monotonic()
    assert world.chat(model, max_tokens=2).status == 200
    return time.monotonic() - began_s


def left(world, path, body, after_s):
    """A request whose client hangs up after that time."""
    connection = http.client.HTTPConnection(urlsplit(world.api.base_url).netloc, timeout=after_s)
    connection.request("POST", path, json.dumps(body))
    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.close()


def test_a_slot_is_free_after_its_client_left_mid_stream(world, single, record_property):
    stream = Stream.open(world.api.base_url, single, max_tokens=60_000)
    stream.until(b'"content"')
    stream.leave()
    took_s = served_after_s(world, single)
    record_property("free_s", round(took_s, 3))
    assert took_s < FREE_WITHIN_S


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_slot_is_free_after_its_client_left_while_the_prompt_was_read(world, single, stream, record_property):
    body = {"model": single, "prompt": "x" * 60_000, "max_tokens": 2, "stream": stream}
    left(world, "/v1/completions", body, after_s=1)
    took_s = served_after_s(world, single)
    record_property("free_s", round(took_s, 3))
    assert took_s < FREE_WITHIN_S


def test_a_slot_is_free_after_the_client_of_a_whole_answer_left(world, single):
    left(world, "/v1/completions", {"model": single, "prompt": "x", "max_tokens": 60_000}, after_s=1)
    assert served_after_s(world, single) < FREE_WITHIN_S


def test_a_client_that_left_while_it_waited_for_its_turn_is_not_served(world, single):
    first = Stream.open(world.api.base_url, single, max_tokens=60_000)
    first.until(b'"content"')
    for _ in range(5):
        left(world, "/v1/completions", {"model": single, "prompt": "x", "max_tokens": 60_000}, after_s=0.05)
    assert eventually(world.open_requests, lambda count: count == 1, within_s=5), "the first one, that still listens"
    first.leave()
    assert served_after_s(world, single) < FREE_WITHIN_S
    assert world.open_requests() == 0


def test_in_a_storm_of_leaving_clients_everybody_else_gets_their_own_answer(world):
    """300 requests, a nonce each, which a schema makes the model say; a third of the clients leave early."""
    world.create("busy", "long.gguf", scaling={"target_concurrency": 8})
    rng = random.Random(7)
    before = world.metric('llmanager_requests_total{outcome="cancelled"')

    def ask(number):
        nonce = f"nonce-{number:04d}"
        schema = {"type": "json_schema", "json_schema": {"schema": {"const": nonce}}}
        stream = Stream.open(world.api.base_url, "busy", max_tokens=60, response_format=schema)
        if number % 3 == 0:
            stream.connection.settimeout(rng.choice((0.001, 0.02, 0.1)))
            with stream.connection, contextlib.suppress(TimeoutError):
                stream.connection.recv(1000)
            return None
        events = [line[6:] for line in stream.to_end().split(b"\n") if line.startswith(b"data: {")]
        assert b"[DONE]" in stream.text
        deltas = [choice["delta"] for event in events for choice in json.loads(event)["choices"]]
        return "".join(delta.get("content", "") for delta in deltas) == f'"{nonce}"'

    answers = []
    for start in range(0, 300, 60):
        answers += at_once([lambda n=n: ask(n) for n in range(start, start + 60)])
    assert answers.count(True) == 200
    assert answers.count(None) == 100
    assert world.metric('llmanager_requests_total{outcome="cancelled"') > before
    assert served_after_s(world, "busy") < FREE_WITHIN_S
    assert world.open_requests() == 0


def test_the_server_does_not_grow_with_the_requests_it_has_served(world, record_property):
    world.create("toy", "long.gguf")

    def serve():
        at_once([lambda: world.chat("toy").status for _ in range(20)] + [lambda: left_early(world, "toy")] * 20)
        return world.process.memory_info().rss / 2**20

    for _ in range(5):
        warm_mib = serve()
    for _ in range(15):
        after_mib = serve()
    record_property("rss_mib", (round(warm_mib, 1), round(after_mib, 1)))
    assert after_mib - warm_mib < 4
    assert world.process.num_threads() < 80
    assert [c for c in world.process.children(recursive=True) if c.status() == psutil.STATUS_ZOMBIE] == []


def left_early(world, model):
    stream = Stream.open(world.api.base_url, model, max_tokens=1000)
    stream.until(b'"content"')
    stream.leave()
