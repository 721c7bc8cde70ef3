"""Requests for a model that is not up. The server side is real, time limits are short."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from llmanager.gateway.hold import next_step
from llmanager.gateway.policy import Limits
from tests.fakes.asgi import Reply
from tests.fakes.directory import chat_route
from tests.fakes.upstream_server import Call, speak
from tests.unit.gateway.conftest import ASK, CHAT, STREAM, Stage, staged

pytestmark = pytest.mark.anyio

LIMITS = Limits(hold_silent_s=20, wake_timeout_s=300)


@pytest.mark.parametrize(
    ("waited_s", "is_silent_stream", "step"),
    [
        (0, False, 300),
        (299, False, 1),
        (300, False, "give up"),
        (0, True, 20),
        (20, True, "open"),
        (300, True, "give up"),
    ],
)
def test_what_is_due_while_a_request_is_held(waited_s: float, is_silent_stream: bool, step: Any):
    assert next_step(waited_s, LIMITS, is_silent_stream=is_silent_stream) == step


def test_a_stream_gives_up_in_time_where_the_silence_would_be_longer():
    assert next_step(0, replace(LIMITS, wake_timeout_s=5), is_silent_stream=True) == 5


async def greet(call: Call) -> None:
    await speak(call, "Hi")


def asleep(_: object):
    return chat_route(state="asleep")


def wakes_up(stage: Stage) -> None:
    stage.directory.change(state="ready", upstreams=(stage.server.upstream(),))


async def held(stage: Stage, count: int = 1) -> None:
    """Until so many requests wait."""
    async with asyncio.timeout(5):
        for _ in range(count):
            await stage.directory.waits.acquire()


@pytest.mark.parametrize("body", [ASK, STREAM])
async def test_a_held_request_is_served_when_the_model_is_up(body: dict[str, Any]):
    async with staged(greet, route=asleep) as stage:
        asking = asyncio.create_task(stage.client.post(CHAT, body))
        await held(stage)
        assert stage.directory.using["acme/m"] == 1, "nothing may put it to sleep while somebody waits"
        wakes_up(stage)
        reply = await asking
    assert reply.status == 200
    assert reply.comments == [], "a short wait is silent"
    assert stage.directory.wakes == 1


async def test_a_long_wait_opens_the_stream_and_tells_the_stage():
    reply = Reply()
    async with staged(greet, route=asleep, hold_silent_s=0.02, heartbeat_s=0.01) as stage:
        asking = asyncio.create_task(stage.client.post(CHAT, STREAM, reply=reply))
        await reply.until(lambda: reply.status == 200)
        stage.directory.change(state="waking", detail="fetching 34 %")
        await reply.until(lambda: ": waking m: fetching 34 %" in reply.comments)
        wakes_up(stage)
        await asking
    assert reply.comments[0] == ": waking m: asleep"
    assert reply.text == "Hi"
    assert reply.events[-1] == "[DONE]"


@pytest.mark.parametrize("is_open", [False, True])
async def test_a_wait_that_takes_too_long_ends(is_open: bool):
    limits = {"hold_silent_s": 0.01, "wake_timeout_s": 0.05}
    async with staged(greet, route=asleep, **limits) as stage:
        reply = await stage.client.post(CHAT, STREAM if is_open else ASK)
    if is_open:
        assert reply.status == 200
        (error,) = (event["error"] for event in reply.events)
    else:
        assert (reply.status, reply.headers["retry-after"]) == (503, "5")
        error = reply.error
    assert error["code"] == "unavailable"
    assert "still waking" in error["message"]


@pytest.mark.parametrize("is_open", [False, True])
async def test_a_model_that_fails_while_waking_is_told_at_once(is_open: bool):
    reply = Reply()
    async with staged(greet, route=asleep, hold_silent_s=0.01 if is_open else 20) as stage:
        asking = asyncio.create_task(stage.client.post(CHAT, STREAM, reply=reply))
        await held(stage)
        if is_open:
            await reply.until(lambda: reply.status == 200)
        stage.directory.change(state="failed", detail="The file is broken. Create it again.")
        await asking
    error = reply.events[0]["error"] if is_open else reply.error
    assert reply.status == (200 if is_open else 503)
    assert "The file is broken. Create it again." in error["message"]


async def test_a_failed_model_is_not_waited_for():
    async with staged(greet, route=lambda _: chat_route(state="failed", detail="No room.")) as stage:
        reply = await stage.client.post(CHAT, ASK)
        assert (reply.status, stage.directory.wakes, stage.server.calls) == (503, 0, [])
        assert "No room." in reply.error["message"]


async def test_a_failed_model_with_a_replica_left_still_serves():
    async with staged(greet, route=lambda server: chat_route(server.upstream(), state="failed")) as stage:
        assert (await stage.client.post(CHAT, ASK)).status == 200


async def test_a_model_deleted_while_waiting_reads_as_absent():
    async with staged(greet, route=asleep) as stage:
        asking = asyncio.create_task(stage.client.post(CHAT, ASK))
        await held(stage)
        stage.directory.remove()
        reply = await asking
        absent = await stage.client.post(CHAT, ASK)
    assert (reply.status, reply.body) == (404, absent.body)


async def test_a_model_being_deleted_takes_no_new_requests():
    async with staged(greet, route=lambda server: chat_route(server.upstream(), state="deleting")) as stage:
        assert (await stage.client.post(CHAT, ASK)).status == 404


async def test_a_model_put_to_sleep_under_a_waiter_is_woken_again():
    async with staged(greet, route=lambda _: chat_route(state="waking")) as stage:
        asking = asyncio.create_task(stage.client.post(CHAT, ASK))
        await held(stage)
        stage.directory.change(state="asleep")
        await held(stage)
        assert stage.directory.wakes == 2
        wakes_up(stage)
        assert (await asking).status == 200


async def test_waiters_are_capped_and_the_excess_is_told_at_once():
    async with staged(greet, route=asleep, max_waiters=2) as stage:
        asking = [asyncio.create_task(stage.client.post(CHAT, ASK)) for _ in range(2)]
        await held(stage, 2)
        excess = await stage.client.post(CHAT, STREAM)
        assert (excess.status, excess.headers["retry-after"]) == (503, "5")
        wakes_up(stage)
        assert [reply.status for reply in await asyncio.gather(*asking)] == [200, 200]


async def test_a_waiter_that_leaves_gives_its_place_and_its_lease_back():
    gone = asyncio.Event()
    async with staged(greet, route=asleep, max_waiters=1) as stage:
        asking = asyncio.create_task(stage.client.post(CHAT, ASK, gone=gone))
        await held(stage)
        gone.set()
        await asking
        stage.assert_nothing_is_held()
    assert stage.meter.records[0].outcome == "cancelled"


async def test_a_model_that_falls_asleep_while_its_request_takes_it_is_woken():
    async with staged(greet) as stage:
        awake = stage.directory.find("acme", "m")
        assert awake is not None
        stage.directory.on_wake = lambda route: stage.directory.put(awake)
        stage.directory.during_take = lambda: stage.directory.change(upstreams=(), state="asleep")
        reply = await stage.client.post(CHAT, ASK)
        assert (reply.status, stage.directory.wakes) == (200, 1)


async def test_a_model_that_goes_or_is_made_anew_while_its_request_takes_it_is_gone():
    async with staged(greet) as stage:
        stage.directory.during_take = lambda: stage.directory.change(key="another")
        assert (await stage.client.post(CHAT, ASK)).status == 404
        stage.directory.during_take = stage.directory.remove
        assert (await stage.client.post(CHAT, ASK)).status == 404
        assert stage.server.calls == []
