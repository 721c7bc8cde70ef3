"""Sleeping models: requests wait for them, wake them once, and are told when that takes too long."""

import time

import pytest

from tests.e2e.conftest import MAX_WAITERS, WAKE_TIMEOUT_S
from tests.e2e.crowd import Stream, at_once
from tests.fakes.eventually import eventually

pytestmark = pytest.mark.e2e


def waking_for_ever(world, name):
    world.made.append(name)
    assert world.api.post("/model/create", {"name": name, "model": "long.gguf", "engine": "never"}).status == 202
    return name


def test_fifty_requests_wake_a_sleeping_model_once_and_are_all_answered(world):
    world.create("toy", "long.gguf")
    world.sleep("toy")
    before = len(world.events("toy"))

    def whole():
        return b"200" if world.chat("toy").status == 200 else b""

    def streamed():
        return Stream.open(world.api.base_url, "toy").to_end()

    answers = at_once([whole, streamed] * 25)
    assert all(answers[0::2])
    assert all(b"data: [DONE]" in stream and b"error" not in stream for stream in answers[1::2])
    assert world.events("toy")[before:] == ["running", "ready"]
    assert len(world.workers()) == 1


def test_who_waits_too_long_or_is_one_too_many_gets_503_and_when_to_come_back(world):
    waking_for_ever(world, "never")

    def refused():
        began_s = time.monotonic()
        answer = world.chat("never")
        assert (answer.status, answer.json["error"]["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        return time.monotonic() - began_s

    waits_s = sorted(at_once([refused] * (MAX_WAITERS + 6)))
    assert all(wait_s < WAKE_TIMEOUT_S - 1 for wait_s in waits_s[:6]), "the excess is refused at once"
    assert all(WAKE_TIMEOUT_S <= wait_s < WAKE_TIMEOUT_S + 4 for wait_s in waits_s[6:])


def test_a_stream_that_waits_too_long_gets_comments_and_then_an_error(world):
    stream = Stream.open(world.api.base_url, waking_for_ever(world, "never"))
    assert stream.until(b": waking never: loading\n\n") < 3
    text = stream.to_end()
    assert b"HTTP/1.1 200" in text
    assert b'data: {"error": {"message": "Model \'never\' is still waking' in text
    assert b"[DONE]" not in text


def test_a_stream_that_waits_long_enough_gets_comments_and_then_tokens(world):
    world.made.append("late")
    assert world.api.post("/model/create", {"name": "late", "model": "long.gguf", "engine": "late"}).status == 202
    text = Stream.open(world.api.base_url, "late", max_tokens=3).to_end()
    assert text.index(b": waking late") < text.index(b'"content":"0 "') < text.index(b"[DONE]")


def test_a_model_that_nobody_uses_goes_to_sleep_though_it_is_looked_at(world):
    world.create("toy", "long.gguf", sleep_after_s=1)
    assert world.chat("toy").status == 200
    used_at = eventually(lambda: world.status("toy")["last_used_at"], bool)

    def look():
        for path in ("/health", "/ready", "/metrics", "/v1/models", "/v1/models/toy"):
            assert world.api.get(path).status == 200
        assert world.api.post("/model/list", {}).status == 200
        return world.status("toy")

    asleep = eventually(look, lambda seen: seen["status"] == "asleep" and not seen["replicas"], within_s=10)
    assert world.workers() == []
    assert asleep["last_used_at"] >= used_at
    assert world.chat("toy").status == 200
    assert world.events("toy")[-2:] == ["running", "ready"]


def test_an_open_stream_longer_than_sleep_after_s_is_not_cut(world):
    world.create("slow", "long.gguf", engine="slow", sleep_after_s=1)
    stream = Stream.open(world.api.base_url, "slow", max_tokens=6)
    assert b"[DONE]" in stream.to_end()
    assert stream.until(b"[DONE]") > 2.5
    assert world.status("slow")["status"] == "ready"
    world.until_status("slow", "asleep")
