"""Servers that break: the caller always gets an error event (or a status, before anything was sent), then the end."""

import asyncio
from typing import Any

import pytest

from tests.fakes.upstream_server import Call, begin, chunk, encoded, speak
from tests.unit.gateway.conftest import ASK, CHAT, STREAM, staged

pytestmark = pytest.mark.anyio


HELLO = encoded(chunk("Hello"))


BROKEN = {
    "dies": (Call.break_off, "upstream_failed"),
    "ends without a reason": (Call.end, "upstream_failed"),
    "says done without a finish_reason": (Call.done, "upstream_failed"),
    "sends bad UTF-8": (lambda call: call.send(HELLO.replace(b"Hello", b"\xff\xfe")), "upstream_failed"),
    "sends bad JSON": (lambda call: call.send(b'data: {"choices": [}\n\n'), "upstream_failed"),
    "sends something else": (lambda call: call.send(b'data: {"choices": 5}\n\n'), "upstream_failed"),
    "sends a huge line": (lambda call: call.send(b"data: " + b"x" * 10_000_000), "upstream_failed"),
    "sends an error": (
        lambda call: call.send(b'data: {"error":{"message":"/srv/x","code":500}}\n\n'),
        "upstream_failed",
    ),
    "hangs": (lambda call: call.client_left.wait(), "upstream_timeout"),
}


def limit_s(code: str) -> float:
    """Short only where it is to be reached: a busy machine is slow."""
    return 0.1 if code == "upstream_timeout" else 10


@pytest.mark.parametrize(("act", "code"), BROKEN.values(), ids=BROKEN)
async def test_a_stream_that_breaks_ends_with_an_error_event_and_no_done(act: Any, code: str):
    async def script(call: Call) -> None:
        await begin(call, HELLO)
        await act(call)
        await call.client_left.wait()

    async with staged(script, gap_s=limit_s(code)) as stage:
        reply = await stage.client.post(CHAT, STREAM)
    assert reply.status == 200
    assert reply.is_ended
    first, last = reply.events
    assert first["choices"][0]["delta"]["content"] == "Hello"
    assert last["error"]["code"] == code
    assert "/srv" not in last["error"]["message"]
    assert [record.outcome for record in stage.meter.records] == ["error"]


@pytest.mark.parametrize(("act", "code"), BROKEN.values(), ids=BROKEN)
async def test_a_stream_that_breaks_before_its_first_event_is_answered_with_a_status(act: Any, code: str):
    async def script(call: Call) -> None:
        await call.start_stream()
        await act(call)
        await call.client_left.wait()

    async with staged(script, first_byte_s=limit_s(code)) as stage:
        reply = await stage.client.post(CHAT, STREAM)
    assert reply.status == (504 if code == "upstream_timeout" else 502)
    assert reply.error["code"] == code
    assert len(stage.server.calls) == 1, "never repeated after the first byte"


async def test_a_server_that_trickles_bytes_but_no_events_loses_its_slot():
    async def trickle(call: Call) -> None:
        await call.start_stream()
        while not call.client_left.is_set():
            await call.send(b"x")
            await asyncio.sleep(0.01)

    async with staged(trickle, first_byte_s=0.1) as stage:
        reply = await stage.client.post(CHAT, STREAM)
        async with asyncio.timeout(5):
            await stage.server.idle.wait()
    assert reply.status == 504


async def test_a_whole_answer_has_only_the_total_limit_because_its_head_comes_last():
    async def late(call: Call) -> None:
        await asyncio.wait([asyncio.create_task(call.client_left.wait())], timeout=0.15)
        await speak(call, "late")

    async with staged(late, first_byte_s=0.05, total_s=5) as stage:
        assert (await stage.client.post(CHAT, ASK)).status == 200

    async with staged(lambda call: call.client_left.wait(), total_s=0.1) as stage:
        reply = await stage.client.post(CHAT, ASK)
    assert reply.status == 504
    assert stage.directory.suspected == ["r0"]


@pytest.mark.parametrize("body", [b"", b"no", b"[]", b"{}", b'{"choices": 1', b'{"choices": [], "x": "\xff"}'])
async def test_an_answer_that_cannot_be_read_is_a_502(body: bytes):
    async with staged(lambda call: call.answer(200, body)) as stage:
        reply = await stage.client.post(CHAT, ASK)
    assert (reply.status, reply.error["code"]) == (502, "upstream_failed")


async def test_an_answer_beyond_the_limit_is_a_502():
    async with staged(lambda call: call.answer(200, b" " * 5000), max_response_bytes=4000) as stage:
        assert (await stage.client.post(CHAT, ASK)).status == 502


async def test_a_whole_answer_to_a_stream_request_is_a_502():
    async with staged(lambda call: call.answer(200, {"choices": []})) as stage:
        assert (await stage.client.post(CHAT, STREAM)).status == 502


async def test_a_servers_refusal_keeps_its_meaning_and_loses_its_secrets():
    complaint = {"error": {"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 99, "n_ctx": 64}}
    async with staged(lambda call: call.answer(400, complaint)) as stage:
        reply = await stage.client.post(CHAT, STREAM)
        assert reply.status == 422
        assert reply.error["code"] == "context_length_exceeded"
        assert "99 tokens" in reply.error["message"]
        stage.server.script = lambda call: call.answer(401, {"error": {"message": "bad key sk-inner-secret"}})
        reply = await stage.client.post(CHAT, ASK)
        assert reply.status == 502
        assert "sk-inner" not in reply.error["message"]
    assert stage.directory.suspected == [], "it answers, so it lives"


async def test_a_stream_may_last_as_long_as_its_events_keep_coming():
    async def steady(call: Call) -> None:
        await call.start_stream()
        for _ in range(5):
            await call.send(HELLO)
            await asyncio.sleep(0.15)
        await call.event(chunk(None, finish="stop"))
        await call.done()
        await call.end()

    async with staged(steady, first_byte_s=0.6, gap_s=0.6) as stage:
        reply = await stage.client.post(CHAT, STREAM)
    assert reply.text == "Hello" * 5
    assert reply.events[-1] == "[DONE]"


async def test_an_error_whose_body_is_too_long_is_told_by_its_status():
    async with staged(lambda call: call.answer(429, b"x" * 100_000)) as stage:
        assert (await stage.client.post(CHAT, ASK)).status == 429
