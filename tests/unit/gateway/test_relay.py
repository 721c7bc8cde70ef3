"""One request from end to end, over a real socket to a scripted server."""

import asyncio
import json
import random
from functools import partial
from typing import Any

import pytest

from llmanager.gateway.ports import Usage
from llmanager.kernel.errors import Unavailable
from tests.fakes.asgi import Reply
from tests.fakes.directory import chat_route
from tests.fakes.upstream_server import Call, UpstreamServer, chunk, encoded, speak, usage_chunk
from tests.unit.gateway.conftest import staged

pytestmark = pytest.mark.anyio

CHAT = "/v1/chat/completions"
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
STREAM = ASK | {"stream": True}


def started_with(*events: bytes):
    """The start of a stream: what follows is the test's."""

    async def start(call: Call) -> None:
        await call.start_stream()
        for event in events:
            await call.send(event)

    return start


HELLO = encoded(chunk("Hello"))


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


async def test_a_connection_serves_one_stream_after_another():
    async with staged(lambda call: speak(call, "a")) as stage:
        for _ in range(5):
            await stage.client.post(CHAT, STREAM)
        assert stage.server.connections == 1


# What breaks: the caller always gets an error event (or a status, before anything was sent), and then the end.

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


@pytest.mark.parametrize(("act", "code"), BROKEN.values(), ids=BROKEN)
async def test_a_stream_that_breaks_ends_with_an_error_event_and_no_done(act: Any, code: str):
    async def script(call: Call) -> None:
        await started_with(HELLO)(call)
        await act(call)
        await call.client_left.wait()

    async with staged(script, gap_s=0.1) as stage:
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

    async with staged(script, first_byte_s=0.1) as stage:
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


# Another try.


def two_replicas(other: UpstreamServer):
    return lambda server: chat_route(server.upstream("a"), other.upstream("b"))


async def test_a_busy_replica_is_left_for_another_before_the_first_byte():
    async with (
        UpstreamServer(speak) as other,
        staged(lambda call: call.answer(503, b""), route=two_replicas(other)) as stage,
    ):
        assert (await stage.client.post(CHAT, ASK)).status == 200
        assert [len(stage.server.calls), len(other.calls)] == [1, 1]


async def test_a_replica_that_is_not_there_is_left_for_another_and_suspected():
    async with staged(speak) as stage:
        async with UpstreamServer(speak) as closed:
            dead = closed.upstream("dead")
        stage.directory.put(chat_route(dead, stage.server.upstream("alive")))
        replies = [await stage.client.post(CHAT, STREAM) for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 200]
    assert set(stage.directory.suspected) == {"dead"}


async def test_a_request_whose_replica_died_waits_for_the_model_to_come_back():
    async with staged(speak) as stage:
        async with UpstreamServer(speak) as closed:
            dead = closed.upstream("r0")
        stage.directory.put(chat_route(dead))
        stage.directory.on_suspect = lambda upstream: stage.directory.change(state="waking", upstreams=())
        asking = asyncio.create_task(stage.client.post(CHAT, ASK))
        async with asyncio.timeout(5):
            await stage.directory.waits.acquire()
        stage.directory.change(state="ready", upstreams=(stage.server.upstream("r0"),))
        assert (await asking).status == 200


async def test_a_request_that_broke_its_replica_is_not_carried_to_the_next():
    async def die(call: Call) -> None:
        await call.break_off()

    async with UpstreamServer(speak) as other, staged(die, route=two_replicas(other)) as stage:
        reply = await stage.client.post(CHAT, ASK)
        assert (reply.status, len(other.calls)) == (502, 0)
        assert "retry-after" in reply.headers


async def test_a_storm_of_failures_adds_at_most_a_tenth_of_load():
    async with UpstreamServer(lambda call: call.answer(503, b"")) as other:
        script = other.script
        async with staged(script, route=two_replicas(other), retry_burst=2) as stage:
            for _ in range(100):
                assert (await stage.client.post(CHAT, ASK)).status == 502
            assert len(stage.server.calls) + len(other.calls) <= 112


# Leaving.


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_client_that_leaves_ends_the_request_at_the_server(is_stream: bool):
    async def endless(call: Call) -> None:
        if call.json.get("stream"):
            await started_with(HELLO)(call)
        seen.set()
        await call.client_left.wait()

    seen, gone = asyncio.Event(), asyncio.Event()
    async with staged(endless) as stage:
        asking = asyncio.create_task(stage.client.post(CHAT, ASK | {"stream": is_stream}, gone=gone))
        async with asyncio.timeout(5):
            await seen.wait()
            gone.set()
            reply = await asking
            await stage.server.idle.wait()
    assert not reply.is_ended
    (record,) = stage.meter.records
    assert (record.outcome, record.status) == ("cancelled", 499)


async def test_a_host_that_shuts_down_lets_go_of_everything():
    async with staged(lambda call: call.client_left.wait()) as stage:
        asking = asyncio.create_task(stage.client.post(CHAT, ASK))
        async with asyncio.timeout(5):
            await stage.server.called.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await stage.server.idle.wait()
    assert stage.meter.records[0].outcome == "cancelled"


async def test_a_lease_that_cannot_be_had_is_a_503_and_nothing_is_sent():
    async with staged(speak) as stage:
        stage.directory.on_take = Unavailable("The registry is down. Ask again.")
        assert (await stage.client.post(CHAT, ASK)).status == 503
        assert stage.server.calls == []


async def test_a_silent_stream_that_is_open_hears_heartbeats_between_events():
    async def slow(call: Call) -> None:
        await started_with(HELLO)(call)
        await beaten.wait()
        await call.event(chunk(None, finish="stop"))
        await call.event(usage_chunk())
        await call.done()
        await call.end()

    beaten, reply = asyncio.Event(), Reply()
    async with staged(slow, heartbeat_s=0.02) as stage:
        asking = asyncio.create_task(stage.client.post(CHAT, STREAM, reply=reply))
        await reply.until(lambda: bool(reply.comments))
        beaten.set()
        await asking
    assert all(part.endswith(b"\n\n") for part in reply.parts)
    assert reply.events[-1] == "[DONE]"


async def test_cancelled_requests_never_leave_their_answers_to_others():
    """300 requests, a third of them cancelled at seeded points: each answer that arrives is its caller's."""
    dice = random.Random(20261120)

    async def echo(call: Call) -> None:
        nonce = call.json["messages"][0]["content"]
        await asyncio.sleep(random.Random(nonce).random() * 0.01)
        await speak(call, *(nonce for _ in range(5)))

    async with staged(echo, max_retries=0) as stage:

        async def one(number: int) -> int:
            nonce, gone = f"<{number}>", asyncio.Event()
            body = {"model": "m", "stream": number % 2 == 0, "messages": [{"role": "user", "content": nonce}]}
            leaves = dice.random() < 0.3
            if leaves:
                asyncio.get_running_loop().call_later(dice.random() * 0.02, gone.set)
            reply = await stage.client.post(CHAT, body, gone=gone)
            if not reply.is_ended:
                assert leaves
                return 0
            said = reply.text if body["stream"] else reply.json["choices"][0]["message"]["content"]
            assert said == nonce * 5
            return 1

        waves = [await asyncio.gather(*(one(wave * 50 + i) for i in range(50))) for wave in range(6)]
        async with asyncio.timeout(5):
            await stage.server.idle.wait()
        assert 150 < sum(map(sum, waves)) < 300
        assert len(stage.meter.records) == 300
        assert json.loads(stage.server.calls[0].body)["model"] == "m"
