import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from llmanager.api.errors import render
from llmanager.gateway.errors import ModelNotFound
from llmanager.gateway.tokens import TokenCounter
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.errors import InvalidInput, UpstreamFailed
from tests.fakes.directory import chat_route
from tests.fakes.upstream_server import Call, Script
from tests.unit.gateway.conftest import Stage, staged

pytestmark = pytest.mark.anyio

LLAMA, VLLM = "/v1/chat/completions/input_tokens", "/tokenize"
MESSAGES = [b'{"role":"user","content":"Hi"}']


@asynccontextmanager
async def counting(script: Script, **more) -> AsyncIterator[tuple[Stage, TokenCounter]]:
    async with staged(script, **more) as stage:
        yield stage, TokenCounter(stage.directory, stage.gateway.relay, render, SystemClock())


async def like_llama(call: Call) -> None:
    if call.path == LLAMA:
        await call.answer(200, {"object": "response.input_tokens", "input_tokens": 45})
    else:
        await call.answer(404, {})


async def like_vllm(call: Call) -> None:
    if call.path == VLLM:
        await call.answer(200, {"count": 7, "max_model_len": 4096, "tokens": [1] * 7})
    else:
        await call.answer(404, {})


async def like_neither(call: Call) -> None:
    await call.answer(404, {"detail": "Not Found"})


@pytest.mark.parametrize(("script", "tokens", "first", "then"), [
    (like_llama, 45, [LLAMA], [LLAMA]),
    (like_vllm, 7, [LLAMA, VLLM], [VLLM]),
    (like_neither, None, [LLAMA, VLLM], []),
])  # fmt: skip
async def test_the_models_own_server_counts_and_how_it_does_is_remembered(
    script: Script, tokens: int | None, first: list[str], then: list[str]
):
    async with counting(script) as (stage, counter):
        assert await counter.count("acme", "m", MESSAGES) == tokens
        assert [call.path for call in stage.server.calls] == first
        assert await counter.count("acme", "m", MESSAGES) == tokens
        assert [call.path for call in stage.server.calls] == first + then
        assert stage.server.calls[0].json == {"model": "m", "messages": [json.loads(MESSAGES[0])]}
        assert stage.meter.records == []
        assert stage.directory.takes == len(first + then)


@pytest.mark.parametrize(("status", "body"), [(422, {"error": "inputs"}), (403, {}), (200, {"tokens": []})])
async def test_a_server_with_something_else_there_cannot_tell(status: int, body: dict):
    async with counting(lambda call: call.answer(status, body)) as (_, counter):
        assert await counter.count("acme", "m", MESSAGES) is None


@pytest.mark.parametrize("status", [502, 503])
async def test_a_busy_server_is_an_error_not_one_that_cannot_tell(status: int):
    async with counting(lambda call: call.answer(status, {}), max_retries=0) as (_, counter):
        with pytest.raises(UpstreamFailed):
            await counter.count("acme", "m", MESSAGES)


async def test_a_model_that_sleeps_is_woken():
    async with counting(like_llama, route=lambda _: chat_route()) as (stage, counter):
        stage.directory.on_wake = lambda route: stage.directory.change(upstreams=(stage.server.upstream(),))
        assert await counter.count("acme", "m", MESSAGES) == 45


async def test_absent_models_and_those_of_another_kind_are_refused():
    async with counting(like_llama, route=lambda server: chat_route(server.upstream(), kind="embedding")) as (
        stage,
        counter,
    ):
        with pytest.raises(ModelNotFound):
            await counter.count("rival", "m", MESSAGES)
        with pytest.raises(InvalidInput, match="embedding model"):
            await counter.count("acme", "m", MESSAGES)
        assert stage.server.calls == []
