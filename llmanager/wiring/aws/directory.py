"""The gateway's Directory in a process to which nobody tells anything: rows are read when they are asked for.

A function on AWS serves one request at a time, and stands still between two: a short read holds up nobody, and no
task of it can wait for news while there is no request.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from llmanager.gateway.ports import Route, Upstream
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import Retryable
from llmanager.models.entities import Model
from llmanager.models.ports import Endpoint
from llmanager.models.rows import Key
from llmanager.models.usecases.change import wake
from llmanager.models.usecases.registry import Registry
from llmanager.wiring.aws.leases import Leases
from llmanager.wiring.serving.routes import route_from

MAX_AGE_S = 2.0  # of a row that requests are routed by
STALE_S = 300.0  # of one that they are routed by while the table does not answer
POLL_S = 1.0  # how often a row is read for those who wait for it to change
MISSED_S = 30.0  # how long a row is not believed that told of replicas where none answered, unless it is written anew
PAGE = 200
MAX_REMEMBERED = 10_000

log = structlog.get_logger()
EndpointsOf = Callable[[Model], Sequence[Endpoint]]


@dataclass(frozen=True)
class _Seen:
    model: Model | None
    at_s: float


class RowDirectory:
    """`endpoints` tells of a row's replicas where they answer; `poke` has a model looked at soon."""

    def __init__(
        self,
        registry: Registry,
        clock: Clock,
        new_holder: Callable[[], str],
        poke: Callable[[Key], None],
        endpoints: EndpointsOf,
        *,
        poll_s: float = POLL_S,
    ) -> None:
        self._registry, self._clock, self._poke, self._endpoints = registry, clock, poke, endpoints
        self._poll_s = poll_s
        self._seen: dict[Key, _Seen] = {}
        self._missed: dict[str, tuple[int, float]] = {}  # by resource: the row's version, and until when
        self.leases = Leases(registry, clock, new_holder)

    def find(self, tenant: str, name: str) -> Route | None:
        """Raises what is Retryable where the table does not answer and did not lately."""
        seen = self._seen.get((tenant, name))
        if seen is None or self._clock.monotonic_s() - seen.at_s >= MAX_AGE_S:
            seen = self._read((tenant, name))
        return self._route(seen)

    def list(self, tenant: str) -> tuple[Route, ...]:
        found: list[Model] = []
        cursor: str | None = None
        while True:
            page = self._registry.page(tenant, limit=PAGE, cursor=cursor)
            found += page.items
            if (cursor := page.cursor) is None:
                break
        now_s = self._clock.monotonic_s()
        routes = [self._route(_Seen(model, now_s)) for model in found]
        return tuple(sorted((route for route in routes if route is not None), key=lambda route: route.name))

    async def take(self, route: Route) -> None:
        key = (route.tenant, route.name)
        if await self.leases.take(route.key, key, is_needed=not route.upstreams):
            await asyncio.to_thread(self._read, key)  # a sleep that was decided before the lease shows now

    def release(self, route: Route) -> None:
        self.leases.release(route.key)

    async def wake(self, route: Route) -> None:
        await asyncio.to_thread(self._wake, (route.tenant, route.name))

    async def changed(self, route: Route, timeout_s: float) -> Route | None:
        key = (route.tenant, route.name)
        newest: Route | None = route
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while True:
                    newest = self._route(await asyncio.to_thread(self._read, key))
                    if newest != route:
                        break
                    await asyncio.sleep(self._poll_s)
        return newest if newest is not None and newest.key == route.key else None

    def suspect(self, upstream: Upstream) -> None:
        """All copies of a model answer at one address, and AWS takes broken ones out of it by itself."""

    def missed(self, upstream: Upstream) -> None:
        """No replica answered there, whatever the row says: until that is written anew, the model counts as waking."""
        resource = upstream.id.rpartition("/")[0]
        seen = next((s.model for s in self._seen.values() if s.model and s.model.resource == resource), None)
        if seen is not None:
            self._missed[resource] = (seen.version, self._clock.monotonic_s() + MISSED_S)

    def _wake(self, key: Key) -> None:
        wake(self._registry, key, "a request")
        self._poke(key)

    def _read(self, key: Key) -> _Seen:
        before, now_s = self._seen.get(key), self._clock.monotonic_s()
        try:
            seen = _Seen(self._registry.find(key), now_s)
        except Retryable as error:
            if before is None or now_s - before.at_s >= STALE_S:
                raise
            log.warning("routed by a row that may be old", model=key[1], why=str(error))
            return before
        if len(self._seen) >= MAX_REMEMBERED:
            self._seen.clear()
        self._seen[key] = seen
        return seen

    def _route(self, seen: _Seen) -> Route | None:
        model = seen.model
        if model is None:
            return None
        route = route_from(model, () if self._is_missed(model) else self._endpoints(model), self._registry.catalog)
        return None if route.state == "deleting" else route

    def _is_missed(self, model: Model) -> bool:
        version, until_s = self._missed.get(model.resource, (0, 0.0))
        return version == model.version and self._clock.monotonic_s() < until_s
