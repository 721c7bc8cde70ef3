"""The data path as one raw ASGI callable, mounted beside the control plane's app."""

import asyncio
import math
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import Literal

from llmanager.gateway import augment, surface
from llmanager.gateway.answer import Answer
from llmanager.gateway.asgi import ClientGone, Receive, Scope, Send, header, read_body
from llmanager.gateway.ask import Ask
from llmanager.gateway.attend import attended
from llmanager.gateway.policy import Limits
from llmanager.gateway.ports import Augmenter, Directory, Keyring, Meter, RenderError, Route, Served, Upstreams, Usage
from llmanager.gateway.relay import Relay
from llmanager.gateway.surface import Entry
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.principal import Principal

_CLIENT_CLOSED = 499  # nobody reads this status; meters know it from nginx
_UNEXPECTED = 500  # what the host above answers to an error that is not ours


@dataclass
class _Call:
    """A request for a model, and what became of it."""

    entry: Entry
    named: str  # the {id} in its path
    principal: Principal
    began_s: float
    model: str = ""  # empty until it is known to exist: names that callers make up are no metric labels
    usage: Usage | None = None
    outcome: Literal["ok", "error", "cancelled"] = "error"

    def record(self, answer: Answer, now_s: float) -> Served:
        first_byte_at_s = answer.first_byte_at_s
        is_cancelled = self.outcome == "cancelled"
        return Served(
            tenant=self.principal.tenant,
            key_id=self.principal.key_id,
            model=self.model,
            route=self.entry.path,
            status=_CLIENT_CLOSED if is_cancelled else answer.status or _UNEXPECTED,
            outcome=self.outcome,
            usage=self.usage,
            duration_s=now_s - self.began_s,
            first_byte_s=None if first_byte_at_s is None else first_byte_at_s - self.began_s,
        )


class Gateway:
    """Routes: gateway/surface.py. Nothing but the key's lookup happens for a caller without one."""

    def __init__(
        self,
        *,
        directory: Directory,
        upstreams: Upstreams,
        keyring: Keyring,
        meter: Meter,
        render: RenderError,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._keyring = keyring
        self._meter = meter
        self._render = render
        self._limits = limits
        self._clock = clock
        self.augmenter: Augmenter | None = None  # set by wiring, as it asks models through this very gateway
        self.relay = Relay(directory, upstreams, limits, clock)

    def handles(self, scope: Scope) -> bool:
        return scope["type"] == "http" and surface.is_ours(scope["path"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Errors of ours are answered here; any other belongs to the host above."""
        answer = Answer(send, self._render, self._clock)
        try:
            await self._handle(scope, receive, answer)
        except LLManagerError as error:
            await answer.fail(error)
        except ClientGone:
            return

    async def _handle(self, scope: Scope, receive: Receive, answer: Answer) -> None:
        method, path = scope["method"], scope["path"]
        matched = surface.match(path)
        principal = await self._keyring.principal(_authorization(scope, matched[0] if matched else None))
        if matched is None:
            raise surface.unmatched(method, path)
        entry, named = matched
        if entry.method != method:
            raise surface.wrong_method(entry)
        principal.require(entry.scope)
        if entry.show is not None:
            await answer.json(entry.show(self._directory, principal.tenant, named))
        else:
            call = _Call(entry, named, principal, self._clock.monotonic_s())
            await self._metered(call, answer, self._serve(call, scope, receive, answer))

    async def ask(self, principal: Principal, path: str, body: bytes, answer: Answer, grammar: str = "") -> None:
        """A request from within this process: without a key, and without a look at the scope of `path`.

        `path` is one of ENTRIES without an {id}. In all else as by HTTP: limits, leases, metering.
        """
        matched = surface.match(path)
        assert matched is not None, "a path of ours"
        call = _Call(*matched, principal, self._clock.monotonic_s())
        await self._metered(call, answer, self._relayed(call, body, answer, grammar))

    async def _metered(self, call: _Call, answer: Answer, work: Awaitable[None]) -> None:
        try:
            await work
            call.outcome = "ok"
        except LLManagerError as error:
            await answer.fail(error)
        except (ClientGone, asyncio.CancelledError):
            call.outcome = "cancelled"
            raise
        finally:
            self._meter.served(call.record(answer, self._clock.monotonic_s()))

    async def _serve(self, call: _Call, scope: Scope, receive: Receive, answer: Answer) -> None:
        limits = self._limits
        max_bytes = limits.max_chat_body_bytes if call.entry.is_chat else limits.max_body_bytes
        body = await read_body(scope, receive, max_bytes=max_bytes, within_s=limits.body_s)
        ask, route = self._asked(call, body)
        heartbeat_s = limits.heartbeat_s if ask.is_stream else None
        opens_after_s = limits.hold_silent_s if ask.vdb else math.inf  # else the hold opens it
        async with attended(receive, answer, heartbeat_s=heartbeat_s, opens_after_s=opens_after_s):
            await self._answer(call, ask, route, answer)

    async def _relayed(self, call: _Call, body: bytes, answer: Answer, grammar: str) -> None:
        ask, route = self._asked(call, body)
        await self._answer(call, replace(ask, grammar=grammar), route, answer)

    def _asked(self, call: _Call, body: bytes) -> tuple[Ask, Route]:
        """Raises InvalidInput, ModelNotFound, Forbidden."""
        assert call.entry.read is not None
        ask = call.entry.read(body, call.named)
        if self.augmenter is not None:
            ask = augment.named(ask)
        if ask.vdb:
            call.principal.require(augment.SCOPE)
        route = surface.find(self._directory, call.principal.tenant, ask.name)
        call.model = route.name
        ask.fit(route)
        return ask, route

    async def _answer(self, call: _Call, ask: Ask, route: Route, answer: Answer) -> None:
        if ask.vdb:
            assert self.augmenter is not None
            ask = await augment.augmented(self.augmenter, call.principal, ask)
        call.usage = await self.relay.serve(ask, route, answer)


def _authorization(scope: Scope, entry: Entry | None) -> str | None:
    value = header(scope, b"authorization")
    if value is None and entry is not None and entry.takes_api_key:
        key = header(scope, b"api-key")
        return None if key is None else f"Bearer {key}"
    return value
