"""Serves one request: use the model, wait for a replica, send, pass the answer on, and let go of everything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from llmanager.gateway import refusals, sse
from llmanager.gateway.answer import Answer
from llmanager.gateway.ask import Ask
from llmanager.gateway.balance import Balance
from llmanager.gateway.errors import ModelNotFound, UpstreamRefused
from llmanager.gateway.hold import Hold
from llmanager.gateway.policy import Limits, RetryBudget, is_worth_another_try
from llmanager.gateway.ports import Directory, Route, Upstream, UpstreamResponse, Upstreams, Usage
from llmanager.gateway.rewrite import StreamRewriter
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import LLManagerError, UpstreamFailed, UpstreamTimeout

_MAX_ERROR_BYTES = 65_536
_ERROR_BODY_S = 2.0
_TAIL_S = 0.5  # for the end of a stream's HTTP body after [DONE]; seen, the connection can be used again


class Relay:
    def __init__(self, directory: Directory, upstreams: Upstreams, limits: Limits, clock: Clock) -> None:
        self._directory = directory
        self._upstreams = upstreams
        self._limits = limits
        self._retries = RetryBudget(limits.retry_ratio, limits.retry_burst)
        self.hold = Hold(directory, limits, clock)
        self.balance = Balance()

    def open_by_stage(self) -> dict[str, int]:
        """Requests that wait for a replica, and those that one works on."""
        return {"waiting": self.hold.waiting.total(), "at a replica": self.balance.open_requests.total()}

    async def serve(self, ask: Ask, route: Route, answer: Answer) -> Usage | None:
        """Writes the answer, or raises what `answer.fail` can write. The usage, where the upstream told it."""
        self._retries.earn()
        await self._directory.take(route)
        try:
            # Taking it may have waited, and the model fallen asleep meanwhile: only now is its route sure to last.
            newest = self._directory.find(route.tenant, route.name)
            if newest is None or newest.key != route.key:
                raise ModelNotFound(route.name)
            return await self._served(ask, newest, answer)
        finally:
            self._directory.release(route)

    async def _served(self, ask: Ask, route: Route, answer: Answer) -> Usage | None:
        tried: set[str] = set()
        while True:
            route = await self.hold.ready(route, answer, is_stream=ask.is_stream)
            fresh = [upstream for upstream in route.upstreams if upstream.id not in tried]
            with self.balance.one_of(fresh or route.upstreams) as upstream:
                try:
                    return await self._attempt(ask, upstream, answer)
                except UpstreamFailed as failure:
                    tried.add(upstream.id)
                    route = self._elsewhere(route, tried, failure)

    def _elsewhere(self, route: Route, tried: set[str], failure: UpstreamFailed) -> Route:
        """Where to try again: another replica, or a model that is coming up again. Raises the failure if nowhere."""
        if not is_worth_another_try(failure, len(tried) - 1, self._limits):
            raise failure
        newest = self._directory.find(route.tenant, route.name)
        if newest is None or newest.key != route.key:
            raise failure
        has_place = not newest.upstreams or any(upstream.id not in tried for upstream in newest.upstreams)
        if not (has_place and self._retries.spend()):
            raise failure
        return newest

    async def _attempt(self, ask: Ask, upstream: Upstream, answer: Answer) -> Usage | None:
        try:
            async with asyncio.timeout(self._limits.total_s):
                return await self._exchange(ask, upstream, answer)
        except TimeoutError:
            self._directory.suspect(upstream)
            raise UpstreamTimeout(
                f"Model {ask.name!r} did not finish within {self._limits.total_s:g} s. Ask for fewer tokens, or stream."
            ) from None
        except UpstreamRefused:
            raise  # it answers, so it lives
        except (UpstreamFailed, UpstreamTimeout):
            self._directory.suspect(upstream)
            raise

    async def _exchange(self, ask: Ask, upstream: Upstream, answer: Answer) -> Usage | None:
        # A whole answer's head comes when it is generated: only a stream can promise an early first byte.
        first_byte_s = self._limits.first_byte_s if ask.is_stream else self._limits.total_s
        first_byte_by = asyncio.get_running_loop().time() + first_byte_s
        body = ask.body_for(upstream.served_name)
        response = await self._upstreams.post(upstream, ask.path, body, first_byte_s=first_byte_s)
        try:
            if response.status != 200:
                raise await _refused(ask, response)
            if ask.is_stream:
                return await self._stream(ask, response, answer, first_byte_by)
            whole, usage = ask.answered(await response.read(self._limits.max_response_bytes))
            await answer.json(whole)
            return usage
        finally:
            await response.close()

    async def _stream(self, ask: Ask, response: UpstreamResponse, answer: Answer, next_event_by: float) -> Usage | None:
        if not response.content_type.startswith("text/event-stream"):
            raise UpstreamFailed(f"The server of model {ask.name!r} sent no stream. Ask without 'stream'.")
        rewriter = StreamRewriter(ask.shown_name, wants_usage=ask.wants_usage, citations=ask.citations)
        splitter = sse.Splitter(self._limits.max_event_bytes)
        chunks = response.chunks()
        loop = asyncio.get_running_loop()
        while not rewriter.is_done:
            chunk = await self._next_chunk(ask, chunks, next_event_by)
            has_event = False
            try:
                for event in splitter.feed(chunk):
                    rewriter.take(event)
                    has_event = True
            finally:  # what came before a broken event is the caller's
                out = rewriter.drain()
                if out:
                    await answer.events(out)
            if has_event:
                next_event_by = loop.time() + self._limits.gap_s
        await answer.close_stream()
        await _read_to_end(chunks)
        return rewriter.usage

    async def _next_chunk(self, ask: Ask, chunks: AsyncIterator[bytes], by: float) -> bytes:
        """The deadline is one for whole events: a server that trickles bytes does not keep its slot."""
        try:
            async with asyncio.timeout_at(by):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise UpstreamTimeout(f"Model {ask.name!r} stopped answering. Ask again.") from None
        if chunk is None:
            raise UpstreamFailed(f"The server of model {ask.name!r} ended its answer early. Ask again.")
        return chunk


async def _refused(ask: Ask, response: UpstreamResponse) -> LLManagerError:
    body = b""  # the status alone says enough where the body does not come
    with suppress(TimeoutError, UpstreamFailed):
        async with asyncio.timeout(_ERROR_BODY_S):
            body = await response.read(_MAX_ERROR_BYTES)
    return refusals.of_answer(ask.name, response.status, body, response.headers.get("retry-after"))


async def _read_to_end(chunks: AsyncIterator[bytes]) -> None:
    with suppress(TimeoutError, UpstreamFailed):
        async with asyncio.timeout(_TAIL_S):
            async for _ in chunks:
                pass
