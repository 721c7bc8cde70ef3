"""One request from end to end, over a real socket to a scripted server."""

import asyncio
from functools import partial

import pytest

from llmanager.gateway.ports import Usage
from tests.fakes.directory import chat_route
from tests.fakes.upstream_server import Call, begin, chunk, encoded, speak
from tests.unit.gateway.conftest import ASK, CHAT, STREAM, staged

pytestmark = pytest.mark.anyio


async def test_a_whole_answer_carries_the_callers_model_name_and_is_metered():
    async with staged(partial(speak, model="weights.gguf")) as stage:
        reply = await stage.client.post(CHAT, ASK)
    assert reply.status == 200
    assert reply.json["model"] == "m"
    (record,) = stage.meter.records
    assert (record.tenant, record.key_id, record.model, record.route) == ("acme", "key-of-acme", "m", CHAT)
    assert (record.status, record.outcome, record.usage) == (200, "ok", Usage(3, 2))
    assert record.first_byte_s is not None
    assert 0 <= record.first_byte_s <= record.duration_s


async def test_a_stream_is_relayed_under_the_callers_name_without_the_usage_it_did_not_ask_for():
    async with staged(lambda call: speak(call, "Grüß", " dich", model="weights.gguf")) as stage:
        reply = await stage.client.post(CHAT, STREAM)
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.text == "Grüß dich"
    assert reply.events[-1] == "[DONE]"
    assert reply.events[-2]["choices"][0]["finish_reason"] == "stop"
    assert {event["model"] for event in reply.events[:-1]} == {"m"}
    assert not any("usage" in event for event in reply.events[:-1])
    assert stage.meter.records[0].usage == Usage(3, 2), "metered all the same"


async def test_usage_that_was_asked_for_arrives_before_done():
    async with staged(lambda call: speak(call, "Hi")) as stage:
        reply = await stage.client.post(CHAT, STREAM | {"stream_options": {"include_usage": True}})
    assert reply.events[-2]["usage"]["total_tokens"] == 5


async def test_the_upstream_gets_its_served_name_and_key_and_nothing_that_is_not_allowed():
    async with staged(
        speak,
        route=lambda server: chat_route(server.upstream(served_name="org/big", authorization="Bearer inner")),
    ) as stage:
        await stage.client.post(CHAT, ASK | {"cache_salt": "x", "n_discard": -5, "temperature": 0})
    (call,) = stage.server.calls
    assert call.headers["authorization"] == "Bearer inner"
    assert call.json == {"model": "org/big", "temperature": 0.0, "messages": ASK["messages"]}


async def test_every_send_ends_at_an_events_end_however_the_server_cuts_its_bytes():
    async def bytewise(call: Call) -> None:
        await call.start_stream()
        for byte in encoded(chunk("Grüße 🙂")) + encoded(chunk(None, finish="stop")) + b"data: [DONE]\n\n":
            await call.send(bytes([byte]))
        await call.end()

    async with staged(bytewise) as stage:
        reply = await stage.client.post(CHAT, STREAM)
    assert reply.text == "Grüße 🙂"
    assert all(part.endswith(b"\n\n") for part in reply.parts)


async def test_a_connection_serves_one_stream_after_another_though_its_end_comes_after_done():
    async def slow_to_end(call: Call) -> None:
        await begin(call, encoded(chunk("a", finish="stop")), b"data: [DONE]\n\n")
        await asyncio.sleep(0.01)
        await call.end()

    async with staged(slow_to_end) as stage:
        for _ in range(5):
            await stage.client.post(CHAT, STREAM)
        assert stage.server.connections == 1
