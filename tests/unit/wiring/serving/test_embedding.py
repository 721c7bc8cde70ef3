"""The gateway's Embedder, over a real socket to a scripted server."""

import asyncio
import struct
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from llmanager.api.errors import render
from llmanager.gateway.inner import InnerCalls
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.errors import InvalidInput, Unavailable, UpstreamFailed, UpstreamTimeout
from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import Vectors
from llmanager.vdb.errors import EmbedderMissing, EmbedderUnfit
from llmanager.vdb.ports import MAX_TEXTS
from llmanager.wiring.serving.embedding import AT_ONCE, BlockingEmbedder, GatewayEmbedder, vectors_in
from tests.fakes.directory import chat_route
from tests.fakes.upstream_server import Call, Script, UpstreamServer
from tests.unit.gateway.conftest import Stage, staged

pytestmark = pytest.mark.anyio

ADA = Principal("acme", "key", frozenset())


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def embedding_route(server: UpstreamServer) -> Any:
    return chat_route(server.upstream(), kind="embedding", dimensions=2)


async def lengths(call: Call) -> None:
    """Of each text: its length and a half. In no order."""
    rows = [{"index": n, "embedding": [len(text), 0.5]} for n, text in enumerate(call.json["input"])]
    await call.answer(200, {"data": rows[::-1], "usage": {"prompt_tokens": 9, "total_tokens": 9}})


@asynccontextmanager
async def embedding(script: Script = lengths, **more: Any) -> AsyncIterator[tuple[Stage, GatewayEmbedder]]:
    async with staged(script, **({"route": embedding_route} | more)) as stage:
        yield stage, GatewayEmbedder(InnerCalls(stage.gateway, render, SystemClock()), stage.directory)


async def test_texts_become_rows_of_float32_in_their_order_metered_to_the_caller():
    async with embedding() as (stage, embedder):
        vectors = await embedder.embed(ADA, "m", ["a", "", "ccc"])
    assert vectors == Vectors(2, struct.pack("<6f", 1, 0.5, 1, 0.5, 3, 0.5))
    assert stage.server.calls[0].json["input"] == ["a", " ", "ccc"], "servers refuse empty texts"
    (record,) = stage.meter.records
    assert (record.key_id, record.route, record.outcome) == ("key", "/v1/embeddings", "ok")
    assert record.usage is not None
    assert record.usage.prompt_tokens == 9


async def test_a_model_that_is_not_there_or_anothers_is_a_missing_embedder():
    async with embedding() as (_, embedder):
        for caller, model in ((ADA, "none"), (Principal("rival", "key", frozenset()), "m")):
            with pytest.raises(EmbedderMissing, match=f"no model '{model}'"):
                await embedder.embed(caller, model, ["a"])
            with pytest.raises(EmbedderMissing):
                embedder.dimensions(caller, model)


async def test_a_model_that_is_deleted_while_it_is_asked_is_a_missing_embedder_too():
    async with embedding() as (stage, embedder):
        stage.directory.during_take = stage.directory.remove
        with pytest.raises(EmbedderMissing):
            await embedder.embed(ADA, "m", ["a"])


async def test_a_chat_model_is_an_unfit_embedder():
    async with embedding(route=lambda server: chat_route(server.upstream(), dimensions=9)) as (_, embedder):
        with pytest.raises(EmbedderUnfit):
            await embedder.embed(ADA, "m", ["a"])
        with pytest.raises(EmbedderUnfit):
            embedder.dimensions(ADA, "m")


async def test_dimensions_are_those_the_directory_knows():
    async with embedding() as (stage, embedder):
        assert embedder.dimensions(ADA, "m") == 2
        stage.directory.change(dimensions=None)
        assert embedder.dimensions(ADA, "m") is None


async def test_whether_cosines_tell_how_near_a_text_is_the_directory_knows_too():
    async with embedding() as (stage, embedder):
        assert not embedder.has_wide_cosines(ADA, "m")
        stage.directory.change(has_wide_cosines=True)
        assert embedder.has_wide_cosines(ADA, "m")
        assert not embedder.has_wide_cosines(ADA, "none")


async def test_a_text_that_is_too_long_is_the_callers_mistake():
    error = {"error": {"code": 500, "message": "input (2002 tokens) is too large to process.", "type": "server_error"}}
    async with embedding(lambda call: call.answer(500, error)) as (_, embedder):
        with pytest.raises(InvalidInput, match="2002 tokens"):
            await embedder.embed(ADA, "m", ["a"])


@pytest.mark.parametrize("count", [0, MAX_TEXTS + 1])
async def test_none_and_too_many_texts_are_refused(count: int):
    async with embedding() as (stage, embedder):
        with pytest.raises(InvalidInput, match=str(count)):
            await embedder.embed(ADA, "m", ["a"] * count)
    assert stage.server.calls == []


@pytest.mark.parametrize(
    "answer",
    [
        b"{",
        b"\xff",
        b'{"data":[]}',
        b'{"data":[{"index":0,"embedding":[]}]}',
        b'{"data":[{"index":0,"embedding":[1]}]}',
        b'{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}',
        b'{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}',
        b'{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1e39]}]}',
        b'{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":["x"]}]}',
    ],
)
def test_anything_but_as_many_finite_vectors_of_one_length_is_nonsense(answer: bytes):
    with pytest.raises(UpstreamFailed):
        vectors_in(answer, 2, "m")


# From threads.


async def test_a_thread_gets_its_vectors_from_the_loop():
    async with embedding() as (_, embedder):
        from_thread = BlockingEmbedder(embedder, asyncio.get_running_loop())
        assert from_thread.dimensions(ADA, "m") == 2
        vectors = await asyncio.to_thread(from_thread.embed, ADA, "m", ["abc"])
        assert vectors.data == struct.pack("<2f", 3, 0.5)
        with pytest.raises(EmbedderMissing):
            await asyncio.to_thread(from_thread.embed, ADA, "none", ["abc"])


class Stop(Exception):
    pass


async def test_what_its_check_raises_ends_the_request_at_the_server():
    asked = threading.Event()

    async def never(call: Call) -> None:
        asked.set()
        await call.client_left.wait()

    def check() -> None:
        if asked.is_set():
            raise Stop

    async with embedding(never) as (stage, embedder):
        from_thread = BlockingEmbedder(embedder, asyncio.get_running_loop(), poll_s=0.01)
        with pytest.raises(Stop):
            await asyncio.to_thread(from_thread.embed, ADA, "m", ["abc"], check)
        async with asyncio.timeout(5):
            await stage.server.idle.wait()
    assert stage.meter.records[0].outcome == "cancelled"


async def test_a_thread_does_not_wait_for_ever():
    async with embedding(lambda call: call.client_left.wait()) as (stage, embedder):
        from_thread = BlockingEmbedder(embedder, asyncio.get_running_loop(), wait_s=0.02, poll_s=0.01)
        with pytest.raises(UpstreamTimeout):
            await asyncio.to_thread(from_thread.embed, ADA, "m", ["abc"])
        async with asyncio.timeout(5):
            await stage.server.idle.wait()


async def test_more_threads_than_places_wait_for_one_and_can_be_stopped_there():
    full = threading.Event()
    release = asyncio.Event()

    async def held(call: Call) -> None:
        if len(stage.server.calls) == AT_ONCE:
            full.set()
        await release.wait()
        await lengths(call)

    def check() -> None:
        if full.is_set():
            raise Stop

    async with embedding(held) as (stage, embedder):
        from_thread = BlockingEmbedder(embedder, asyncio.get_running_loop(), poll_s=0.01)
        asking = [asyncio.create_task(asyncio.to_thread(from_thread.embed, ADA, "m", ["a"])) for _ in range(AT_ONCE)]
        async with asyncio.timeout(5):
            await asyncio.to_thread(full.wait, 5)
            with pytest.raises(Stop):
                await asyncio.to_thread(from_thread.embed, ADA, "m", ["a"], check)
            release.set()
            assert len(await asyncio.gather(*asking)) == AT_ONCE
        assert len(stage.server.calls) == AT_ONCE


async def test_a_loop_that_has_ended_serves_no_thread():
    ended = asyncio.new_event_loop()
    ended.close()
    async with embedding() as (_, embedder):
        with pytest.raises(Unavailable):
            await asyncio.to_thread(BlockingEmbedder(embedder, ended).embed, ADA, "m", ["a"])


async def test_a_thread_that_waits_when_the_event_loop_ends_is_told_so():
    asking: list[asyncio.Task[object]] = []
    asked = asyncio.Event()

    class Endless:
        async def embed(self, *_: object) -> Vectors:
            asking.extend(task for task in [asyncio.current_task()] if task)
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

    from_thread = BlockingEmbedder(Endless(), asyncio.get_running_loop())  # type: ignore[arg-type]
    waiting = asyncio.create_task(asyncio.to_thread(from_thread.embed, ADA, "m", ["a"]))
    await asked.wait()
    asking[0].cancel()  # as the loop does with all tasks
    with pytest.raises(Unavailable, match="stopping"):
        await waiting
