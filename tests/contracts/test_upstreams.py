"""What every HTTP client of the data path must do, against a real socket."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from llmanager.adapters.remote.aiohttp_upstreams import AiohttpUpstreams
from llmanager.gateway.errors import UpstreamUnreached
from llmanager.gateway.ports import Upstream
from llmanager.kernel.errors import UpstreamFailed, UpstreamTimeout
from tests.fakes.upstream_server import Call, UpstreamServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=[AiohttpUpstreams])
async def upstreams(request: pytest.FixtureRequest) -> AsyncIterator[AiohttpUpstreams]:
    client = request.param()
    yield client
    await client.close()


async def pong(call: Call) -> None:
    await call.answer(200, {"pong": call.path}, x_trace="t1")


async def read(upstreams: AiohttpUpstreams, upstream: Upstream, body: bytes = b"{}") -> bytes:
    response = await upstreams.post(upstream, "/v1/x", body, first_byte_s=5)
    try:
        return await response.read(100)
    finally:
        await response.close()


async def test_it_sends_json_with_the_upstreams_key_and_asks_for_no_compression(upstreams):
    async with UpstreamServer(pong) as server:
        response = await upstreams.post(server.upstream(authorization="Bearer k"), "/v1/x", b'{"a":1}', first_byte_s=5)
        assert (response.status, response.content_type) == (200, "application/json")
        assert response.headers.get("x-trace") == "t1"
        assert await response.read(100) == b'{"pong": "/v1/x"}'
        await response.close()
        await response.close()
    (call,) = server.calls
    assert (call.body, call.headers["authorization"]) == (b'{"a":1}', "Bearer k")
    assert (call.headers["content-type"], call.headers["accept-encoding"]) == ("application/json", "identity")
    assert "cookie" not in call.headers


async def test_without_a_key_none_is_sent(upstreams):
    async with UpstreamServer(pong) as server:
        await read(upstreams, server.upstream())
    assert "authorization" not in server.calls[0].headers


async def test_a_large_body_arrives_whole(upstreams):
    async with UpstreamServer(pong) as server:
        await read(upstreams, server.upstream(), b"x" * 5_000_000)
    assert len(server.calls[0].body) == 5_000_000


async def test_connections_are_used_again_also_after_an_error_status(upstreams):
    async with UpstreamServer(lambda call: call.answer(500, b"no")) as server:
        for _ in range(3):
            assert await read(upstreams, server.upstream()) == b"no"
        assert server.connections == 1


async def test_chunks_come_as_they_are_sent(upstreams):
    async def two(call: Call) -> None:
        await call.start_stream()
        await call.send(b"one")
        await first_is_read.wait()
        await call.send(b"two")
        await call.end()

    first_is_read = asyncio.Event()
    async with UpstreamServer(two) as server:
        response = await upstreams.post(server.upstream(), "/", b"", first_byte_s=5)
        chunks = response.chunks()
        assert await anext(chunks) == b"one"
        first_is_read.set()
        assert [chunk async for chunk in chunks] == [b"two"]
        await response.close()


async def test_a_redirect_is_not_followed(upstreams):
    async with UpstreamServer(pong) as canary:
        target = f"http://127.0.0.1:{canary.port}/"
        async with UpstreamServer(lambda call: call.answer(302, b"", location=target)) as server:
            response = await upstreams.post(server.upstream(authorization="k"), "/", b"", first_byte_s=5)
            assert response.status == 302
            await response.close()
        assert canary.calls == []


async def test_a_proxy_from_the_environment_is_not_used(upstreams, monkeypatch):
    async with UpstreamServer(pong) as canary, UpstreamServer(pong) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
        await read(upstreams, server.upstream())
        assert (len(canary.calls), len(server.calls)) == (0, 1)


async def test_a_cookie_is_not_kept(upstreams):
    async with UpstreamServer(lambda call: call.answer(200, b"", set_cookie="a=b")) as server:
        await read(upstreams, server.upstream())
        await read(upstreams, server.upstream())
    assert "cookie" not in server.calls[1].headers


async def test_nobody_there_is_unreached(upstreams):
    async with UpstreamServer(pong) as closed:
        upstream = closed.upstream()
    with pytest.raises(UpstreamUnreached):
        await read(upstreams, upstream)


@pytest.mark.parametrize("url", ["not a url", "http://", "http://127.0.0.1:99999"])
async def test_an_address_that_is_none_is_a_failure(upstreams, url: str):
    with pytest.raises(UpstreamFailed):
        await read(upstreams, Upstream(id="x", base_url=url))


async def test_no_head_in_time_is_a_timeout_and_ends_the_request_there(upstreams):
    async with UpstreamServer(lambda call: call.client_left.wait()) as server:
        with pytest.raises(UpstreamTimeout):
            await upstreams.post(server.upstream(), "/", b"", first_byte_s=0.05)
        async with asyncio.timeout(5):
            await server.idle.wait()


async def cut(call: Call) -> None:
    await call.break_off()


async def half_head(call: Call) -> None:
    await call.raw(b"HTTP/1.1 200 OK\r\ncontent-")
    await call.break_off()


async def garbage(call: Call) -> None:
    await call.raw(b"\x00\x01 no HTTP\r\n\r\n")


async def huge_head(call: Call) -> None:
    await call.raw(b"HTTP/1.1 200 OK\r\nx: " + b"x" * 100_000 + b"\r\n\r\n")


async def squeezed(call: Call) -> None:
    await call.answer(200, b"\x1f\x8b", content_encoding="gzip")


@pytest.mark.parametrize("script", [cut, half_head, garbage, huge_head, squeezed])
async def test_a_broken_head_is_a_failure_after_one_try(upstreams, script):
    async with UpstreamServer(script) as server:
        with pytest.raises(UpstreamFailed) as caught:
            await read(upstreams, server.upstream())
        assert type(caught.value) is UpstreamFailed
        assert len(server.calls) == 1


async def short_body(call: Call) -> None:
    await call.raw(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
    await call.break_off()


async def cut_stream(call: Call) -> None:
    await call.start_stream()
    await call.send(b"abc")
    await call.break_off()


async def bad_framing(call: Call) -> None:
    await call.start_stream()
    await call.raw(b"zz\r\n\r\n")


@pytest.mark.parametrize("script", [short_body, cut_stream, bad_framing])
async def test_a_body_that_breaks_is_a_failure(upstreams, script):
    async with UpstreamServer(script) as server:
        with pytest.raises(UpstreamFailed):
            await read(upstreams, server.upstream())


async def test_a_body_beyond_the_limit_is_a_failure(upstreams):
    async with UpstreamServer(lambda call: call.answer(200, b"x" * 101)) as server:
        with pytest.raises(UpstreamFailed, match="100 bytes"):
            await read(upstreams, server.upstream())


async def test_closing_early_ends_the_request_at_the_server(upstreams):
    async def endless(call: Call) -> None:
        await call.start_stream()
        await call.send(b"x")
        await call.client_left.wait()

    async with UpstreamServer(endless) as server:
        response = await upstreams.post(server.upstream(), "/", b"", first_byte_s=5)
        await anext(response.chunks())
        await response.close()
        async with asyncio.timeout(5):
            await server.idle.wait()


async def test_a_pooled_connection_that_went_stale_costs_nobody_a_request(upstreams):
    async def once(call: Call) -> None:
        if len(server.calls) == 2:
            await call.break_off()
        else:
            await pong(call)

    async with UpstreamServer(once) as server:
        await read(upstreams, server.upstream())
        assert await read(upstreams, server.upstream()) == b'{"pong": "/v1/x"}'
        assert [len(server.calls), server.connections] == [3, 2]


async def test_a_second_break_is_a_failure(upstreams):
    async def first_only(call: Call) -> None:
        if len(server.calls) == 1:
            await pong(call)
        else:
            await call.break_off()

    async with UpstreamServer(first_only) as server:
        await read(upstreams, server.upstream())
        with pytest.raises(UpstreamFailed):
            await read(upstreams, server.upstream())
        assert len(server.calls) == 3


async def test_when_all_pooled_connections_went_stale_a_new_one_is_opened(upstreams):
    both_are_here = asyncio.Barrier(2)

    async def once_a_connection(call: Call) -> None:
        if len(server.calls) <= 2:
            await both_are_here.wait()
            await pong(call)
        elif server.connections == 2:
            await call.break_off()
        else:
            await pong(call)

    async with UpstreamServer(once_a_connection) as server:
        await asyncio.gather(*(read(upstreams, server.upstream()) for _ in range(2)))
        assert await read(upstreams, server.upstream()) == b'{"pong": "/v1/x"}'
        assert [len(server.calls), server.connections] == [4, 3]
