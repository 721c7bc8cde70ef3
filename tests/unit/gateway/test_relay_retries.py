"""Another try: before the first byte only, where no server worked on the request."""

import asyncio

import pytest

from tests.fakes.directory import chat_route
from tests.fakes.upstream_server import Call, UpstreamServer, speak
from tests.unit.gateway.conftest import ASK, CHAT, STREAM, staged

pytestmark = pytest.mark.anyio


def two_replicas(other: UpstreamServer):
    return lambda server: chat_route(server.upstream("a"), other.upstream("b"))


async def test_a_busy_replica_is_left_for_another_before_the_first_byte():
    async with (
        UpstreamServer(speak) as other,
        staged(lambda call: call.answer(503, b""), route=two_replicas(other)) as stage,
    ):
        assert (await stage.client.post(CHAT, ASK)).status == 200
        assert [len(stage.server.calls), len(other.calls)] == [1, 1]


async def test_the_second_try_goes_to_another_replica_however_busy():
    async with (
        UpstreamServer(speak) as other,
        staged(lambda call: call.answer(503, b""), route=two_replicas(other)) as stage,
    ):
        with stage.gateway.relay.balance.one_of([other.upstream("b")]):
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
