"""The same over uvicorn and real sockets: what only a real server and real clients can show."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import openai
import pytest
import uvicorn

from llmanager.kernel.errors import NotFound
from tests.fakes.augmenter import CITATIONS, FakeAugmenter
from tests.fakes.upstream_server import Call, Script, chunk, speak
from tests.unit.gateway.conftest import Stage, staged

pytestmark = pytest.mark.anyio

BODY = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}).encode()


def request(key: str) -> bytes:
    lines = [
        "POST /v1/chat/completions HTTP/1.1",
        "host: x",
        f"authorization: Bearer {key}",
        f"content-length: {len(BODY)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + BODY


def sdk(port: int) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key="acme", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0)


@asynccontextmanager
async def served(script: Script) -> AsyncIterator[tuple[Stage, int]]:
    async with staged(script) as stage:
        config = uvicorn.Config(stage.gateway, port=0, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None
        serving = asyncio.create_task(server._serve())  # serve() would take the process's signals
        async with asyncio.timeout(5):
            while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
                await asyncio.sleep(0.005)
        try:
            yield stage, server.servers[0].sockets[0].getsockname()[1]
        finally:
            server.should_exit = True
            await serving


async def test_openais_client_reads_answers_streams_vectors_lists_and_errors():
    async with served(partial(speak, model="weights.gguf")) as (stage, port):
        stage.server.script = lambda call: speak(call, "Grüß", " dich", model="weights.gguf")
        async with sdk(port) as client:
            ask = partial(client.chat.completions.create, model="m", messages=[{"role": "user", "content": "Hi"}])
            assert (await ask()).choices[0].message.content == "Grüß dich"
            events = [event async for event in await ask(stream=True, stream_options={"include_usage": True})]
            assert "".join(event.choices[0].delta.content or "" for event in events if event.choices) == "Grüß dich"
            assert {event.model for event in events} == {"m"}
            assert events[-1].usage.total_tokens == 5
            assert [model.id async for model in client.models.list()] == ["m"]
            with pytest.raises(openai.UnprocessableEntityError, match="max_tokens"):
                await ask(max_tokens=-1)
            with pytest.raises(openai.NotFoundError):
                await ask(model="none")
            stage.server.script = lambda call: call.break_off()
            with pytest.raises(openai.InternalServerError):
                await ask()


async def test_openais_client_asks_a_model_about_a_database_and_finds_the_citations():
    async with served(lambda call: speak(call, "Be", "cause")) as (stage, port):
        stage.gateway.augmenter = FakeAugmenter()
        stage.keyring.scopes = frozenset({"model:query", "chat"})
        async with sdk(port) as client:
            ask = partial(client.chat.completions.create, model="m@chat:docs", messages=[{"role": "user"}])
            answer = await ask()
            assert (answer.model, answer.choices[0].message.content) == ("m@chat:docs", "Because")
            assert answer.model_extra == {"citations": CITATIONS}
            first, *rest = [event async for event in await ask(stream=True)]
            assert first.model_extra == {"citations": CITATIONS}
            assert "".join(event.choices[0].delta.content or "" for event in (first, *rest)) == "Because"
            assert not any(event.model_extra for event in rest)
            stage.gateway.augmenter.failure = NotFound("There is no vector database 'docs'.")
            with pytest.raises(openai.NotFoundError, match="docs"):
                await ask()


async def test_an_error_inside_a_stream_reaches_openais_client_as_an_error():
    async def breaks(call: Call) -> None:
        await call.start_stream()
        await call.event(chunk("Hello"))
        await call.break_off()

    async with served(breaks) as (_, port), sdk(port) as client:
        stream = await client.chat.completions.create(model="m", messages=[{"role": "user"}], stream=True)
        with pytest.raises(openai.APIError, match="broke"):
            [event async for event in stream]


async def test_a_client_that_hangs_up_frees_the_engines_slot():
    async def endless(call: Call) -> None:
        await call.start_stream()
        await call.event(chunk("Hello"))
        await call.client_left.wait()

    async with served(endless) as (stage, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("acme"))
        async with asyncio.timeout(5):
            await reader.readuntil(b"Hello")
            writer.close()
            await stage.server.idle.wait()
            await stage.meter.recorded.wait()
    assert stage.meter.records[0].outcome == "cancelled"


async def test_one_connection_carries_many_requests_among_them_refused_ones():
    async with served(lambda call: speak(call, "a")) as (stage, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for key, status in (("acme", b"200"), ("nobody", b"401"), ("acme", b"200")):
            writer.write(request(key))
            async with asyncio.timeout(5):
                assert (await reader.readuntil(b"\r\n")).split()[1] == status
                await reader.readuntil(b"0\r\n\r\n" if status == b"200" else b'"param": null}}')
        writer.close()
        await writer.wait_closed()
        assert [record.outcome for record in stage.meter.records] == ["ok", "ok"]
