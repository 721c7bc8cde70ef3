"""Clients that leave, hosts that stop, and streams kept alive meanwhile: nothing stays held."""

import asyncio
import json
import random

import pytest

from llmanager.kernel.errors import Unavailable
from tests.fakes.asgi import Reply
from tests.fakes.upstream_server import Call, begin, chunk, encoded, speak, usage_chunk
from tests.unit.gateway.conftest import ASK, CHAT, STREAM, staged

pytestmark = pytest.mark.anyio


HELLO = encoded(chunk("Hello"))


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_client_that_leaves_ends_the_request_at_the_server(is_stream: bool):
    async def endless(call: Call) -> None:
        if call.json.get("stream"):
            await begin(call, HELLO)
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
        await begin(call, HELLO)
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
