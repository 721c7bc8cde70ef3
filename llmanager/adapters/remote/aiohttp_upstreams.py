"""Upstreams on aiohttp: pooled HTTP/1.1 connections to model servers."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace

import aiohttp

from llmanager.gateway.errors import UpstreamUnreached
from llmanager.gateway.ports import Upstream
from llmanager.kernel.errors import UpstreamFailed, UpstreamTimeout

_KEEP_ALIVE_S = 4.0  # below the 5 s after which llama.cpp and uvicorn close
_COPIED_BODY_BYTES = 1_000_000  # aiohttp writes larger bytes in one piece and warns; a stream it sends in parts
_BROKEN = "The connection to the model's server broke. Ask again."


class AiohttpResponse:
    """An UpstreamResponse. Its chunks are an iterator of its own class: no generator to finish, one call a chunk."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._content = response.content
        self.status = response.status
        self.content_type = response.headers.get("content-type", "")
        self.headers: Mapping[str, str] = response.headers  # finds names in any case

    def chunks(self) -> AsyncIterator[bytes]:
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._content.readany()
        except (aiohttp.ClientError, ConnectionError):
            raise UpstreamFailed(_BROKEN) from None
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def read(self, limit_bytes: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for chunk in self:
            size += len(chunk)
            if size > limit_bytes:
                raise UpstreamFailed(f"The model's server answered more than {limit_bytes} bytes. Ask for less.")
            parts.append(chunk)
        return b"".join(parts)

    async def close(self) -> None:
        """Closes the connection, which ends the generation, unless the body's end gave it back to the pool already."""
        self._response.close()


class AiohttpUpstreams:
    """Pooled connections first. One may be closing as we take it: llama.cpp ends each after a stream, unannounced."""

    def __init__(self) -> None:
        self._pooled: aiohttp.ClientSession | None = None  # made inside the event loop that uses them
        self._fresh: aiohttp.ClientSession | None = None

    async def post(self, upstream: Upstream, path: str, body: bytes, *, first_byte_s: float) -> AiohttpResponse:
        attempt = SimpleNamespace(is_reused=False)
        try:
            async with asyncio.timeout(first_byte_s):
                if self._pooled is None or self._fresh is None:
                    self._pooled = _session(keep_alive_s=_KEEP_ALIVE_S)
                    self._fresh = _session(keep_alive_s=None)
                try:
                    return await _post(self._pooled, upstream, path, body, attempt)
                except UpstreamFailed:
                    if not attempt.is_reused:
                        raise
                    # It answered not a byte: once more, and not on another one that is closing too.
                    return await _post(self._fresh, upstream, path, body, SimpleNamespace())
        except TimeoutError:
            raise UpstreamTimeout(f"The model's server did not answer within {first_byte_s:g} s. Ask again.") from None

    async def close(self) -> None:
        for session in (self._pooled, self._fresh):
            if session is not None:
                await session.close()
        self._pooled = self._fresh = None


async def _post(
    session: aiohttp.ClientSession, upstream: Upstream, path: str, body: bytes, attempt: SimpleNamespace
) -> AiohttpResponse:
    headers = {"content-type": "application/json", "accept-encoding": "identity", **dict(upstream.headers)}
    if upstream.authorization is not None:
        headers["authorization"] = upstream.authorization
    data = body if len(body) < _COPIED_BODY_BYTES else io.BytesIO(body)
    try:
        response = await session.post(
            upstream.base_url + path, data=data, headers=headers, allow_redirects=False, trace_request_ctx=attempt
        )
    except aiohttp.ClientConnectorError:
        attempt.is_reused = False
        raise UpstreamUnreached("The model's server cannot be reached. Ask again.") from None
    except (aiohttp.ClientError, ConnectionError):
        raise UpstreamFailed(_BROKEN) from None
    if response.headers.get("content-encoding", "identity") != "identity":
        response.close()
        raise UpstreamFailed("The model's server compressed its answer unasked. Turn that off at the server.")
    return AiohttpResponse(response)


def _session(keep_alive_s: float | None) -> aiohttp.ClientSession:
    """`keep_alive_s` None: a connection of its own for every request."""
    reuse = aiohttp.TraceConfig()
    reuse.on_connection_reuseconn.append(_note_reuse)
    if keep_alive_s is None:
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
    else:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=keep_alive_s)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        auto_decompress=False,
        trust_env=False,
        trace_configs=[reuse],
    )


async def _note_reuse(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.is_reused = True
