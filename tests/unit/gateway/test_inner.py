"""Requests from within the process: as by HTTP, without a key, with errors as exceptions."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from llmanager.api.errors import render
from llmanager.gateway.app import Gateway
from llmanager.gateway.errors import ModelNotFound
from llmanager.gateway.inner import BUFFERED, InnerCalls
from llmanager.gateway.policy import Limits
from llmanager.gateway.ports import Upstream, Usage
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.errors import InvalidInput, Unavailable, UpstreamFailed
from llmanager.kernel.principal import Principal
from tests.fakes.data_path import FakeKeyring, FakeMeter
from tests.fakes.directory import FakeDirectory, chat_route
from tests.fakes.upstream_server import Call, Script, begin, chunk, encoded, speak
from tests.unit.gateway.conftest import ASK, CHAT, STREAM, Stage, staged

pytestmark = pytest.mark.anyio

ADA = Principal("acme", "key", frozenset())  # who called us was let in by a scope of its own
ASKED, STREAMED = json.dumps(ASK).encode(), json.dumps(STREAM).encode()


async def collect(pieces: AsyncIterator[bytes], into: list[bytes]) -> None:
    async for piece in pieces:
        into.append(piece)  # noqa: PERF401 (what came before a failure is looked at)


@asynccontextmanager
async def within(script: Script, **more) -> AsyncIterator[tuple[Stage, InnerCalls]]:
    async with staged(script, **more) as stage:
        yield stage, InnerCalls(stage.gateway, render, SystemClock())


async def test_a_whole_answer_is_metered_to_the_principal():
    async with within(lambda call: speak(call, "Hi")) as (stage, inner):
        answer = json.loads(await inner.whole(ADA, CHAT, ASKED))
    assert (answer["model"], answer["choices"][0]["message"]["content"]) == ("m", "Hi")
    (record,) = stage.meter.records
    assert (record.tenant, record.key_id, record.route) == ("acme", "key", CHAT)
    assert (record.status, record.outcome, record.usage) == (200, "ok", Usage(3, 2))


async def test_a_stream_comes_in_pieces_of_whole_events():
    async with within(lambda call: speak(call, "Hel", "lo")) as (stage, inner):
        pieces = [piece async for piece in inner.stream(ADA, CHAT, STREAMED)]
    assert all(piece.endswith(b"\n\n") for piece in pieces)
    assert b"".join(pieces).endswith(b"data: [DONE]\n\n")
    assert stage.meter.records[0].outcome == "ok"


@pytest.mark.parametrize(
    ("body", "error", "status"),
    [
        (b"{", InvalidInput, 422),
        (ASKED.replace(b'"m"', b'"none"'), ModelNotFound, 404),
        (STREAMED.replace(b'"m"', b'"none"'), ModelNotFound, 404),
    ],
)
async def test_what_http_would_refuse_is_raised_and_metered(body: bytes, error: type[Exception], status: int):
    async with within(speak) as (stage, inner):
        with pytest.raises(error):
            await inner.whole(ADA, CHAT, body)
        with pytest.raises(error):
            [piece async for piece in inner.stream(ADA, CHAT, body)]
    assert [(record.status, record.outcome) for record in stage.meter.records] == [(status, "error")] * 2


async def test_a_failure_in_the_middle_of_a_stream_is_raised_after_what_came_before_it():
    async def breaks(call: Call) -> None:
        await begin(call, encoded(chunk("Hello")))
        await call.break_off()

    got: list[bytes] = []
    async with within(breaks) as (stage, inner):
        with pytest.raises(UpstreamFailed, match="broke"):
            await collect(inner.stream(ADA, CHAT, STREAMED), got)
    assert b"Hello" in b"".join(got)
    assert b"error" not in b"".join(got)
    assert stage.meter.records[0].outcome == "error"


async def test_leaving_a_stream_ends_the_request_at_the_server():
    async def endless(call: Call) -> None:
        await begin(call, encoded(chunk("Hello")))
        await call.client_left.wait()

    async with within(endless) as (stage, inner):
        async with aclosing(inner.stream(ADA, CHAT, STREAMED)) as pieces:
            await anext(pieces)
        async with asyncio.timeout(5):
            await stage.server.idle.wait()
    assert stage.meter.records[0].outcome == "cancelled"


@pytest.mark.parametrize("is_stream", [False, True])
async def test_cancelling_the_one_who_asks_ends_the_request_at_the_server(is_stream: bool):
    async with within(lambda call: call.client_left.wait()) as (stage, inner):

        async def ask() -> None:
            if is_stream:
                [piece async for piece in inner.stream(ADA, CHAT, STREAMED)]
            await inner.whole(ADA, CHAT, ASKED)

        asking = asyncio.create_task(ask())
        async with asyncio.timeout(5):
            await stage.server.called.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await stage.server.idle.wait()
    assert stage.meter.records[0].outcome == "cancelled"


class Eager:
    """Upstreams with one response that never ends and is always there. `taken`: its events so far."""

    status, content_type, headers = 200, "text/event-stream", {}

    def __init__(self) -> None:
        self.taken = 0
        self.is_closed = False

    async def post(self, upstream: Upstream, path: str, body: bytes, *, first_byte_s: float) -> "Eager":
        return self

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            self.taken += 1
            yield encoded(chunk("x"))

    async def close(self) -> None:
        self.is_closed = True


async def test_a_reader_that_does_not_take_makes_the_stream_wait():
    eager = Eager()
    directory = FakeDirectory(chat_route(Upstream("r0", "http://never-asked")))
    gateway = Gateway(
        directory=directory,
        upstreams=eager,
        keyring=FakeKeyring(),
        meter=FakeMeter(),
        render=render,
        limits=Limits(),
        clock=SystemClock(),
    )
    async with aclosing(InnerCalls(gateway, render, SystemClock()).stream(ADA, CHAT, STREAMED)) as pieces:
        for taken in range(1, 4):
            await anext(pieces)
            for _ in range(1000):  # turns of the event loop, in which it could read on for ever
                await asyncio.sleep(0)
            assert eager.taken <= BUFFERED + taken + 1
    assert eager.is_closed
    assert not +directory.using


async def test_a_model_that_sleeps_is_woken_and_waited_for():
    async with within(lambda call: speak(call, "Hi"), route=lambda _: chat_route()) as (stage, inner):
        stage.directory.on_wake = lambda route: stage.directory.change(
            upstreams=(stage.server.upstream(),), state="ready"
        )
        assert b"Hi" in await inner.whole(ADA, CHAT, ASKED)
        assert stage.directory.wakes == 1


async def test_a_model_that_cannot_wake_is_an_error_even_where_a_stream_was_opened_meanwhile():
    async with within(speak, route=lambda _: chat_route(), hold_silent_s=0, wake_timeout_s=0.05) as (stage, inner):
        with pytest.raises(Unavailable, match="still waking"):
            [piece async for piece in inner.stream(ADA, CHAT, STREAMED)]
    assert stage.server.calls == []


async def test_a_grammar_of_ours_goes_to_the_server_whole_and_streamed():
    async with within(lambda call: speak(call, "Hi")) as (stage, inner):
        await inner.whole(ADA, CHAT, ASKED, grammar='root ::= "\u00e9"')
        _ = [piece async for piece in inner.stream(ADA, CHAT, STREAMED, grammar="root ::= [a]")]
        await inner.whole(ADA, CHAT, ASKED)
    assert [call.json.get("grammar") for call in stage.server.calls] == ['root ::= "\u00e9"', "root ::= [a]", None]
    assert {call.json["model"] for call in stage.server.calls} == {"m"}
