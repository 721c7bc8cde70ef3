"""The gateway's Directory over the registry of this process: routes from memory, leases on rows.

Routes are rebuilt when a row or a replica changes, so a request finds its route in one dict look-up, and goes on
finding it while the registry's file is locked or its disk is full.
"""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from llmanager.gateway.ports import Route, Upstream
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import LLManagerError, NotFound, Retryable
from llmanager.models.entities import Model
from llmanager.models.rows import Key
from llmanager.models.usecases.change import wake
from llmanager.models.usecases.registry import Registry
from llmanager.models.usecases.use import hold, let_go
from llmanager.wiring.serving.routes import route_from
from llmanager.wiring.serving.waiters import Waiters

LEASE_S = 60.0
RENEW_AT_S = 30.0  # a lease that has less left than this is renewed while its model is in use
LINGER_S = 2.0  # a lease without a request is given up after this: back-to-back requests cost one write

log = structlog.get_logger()


def route_of(model: Model, registry: Registry) -> Route:
    return route_from(model, registry.host(model).endpoints(model.resource), registry.catalog)


@dataclass
class _Lease:
    """Of this process on one generation of one model."""

    key: Key
    outstanding: int = 0  # requests open or waiting: what the model's demand is
    told: int = 0  # how many of them the row tells
    ends_at_s: float = 0.0  # monotonic; 0: none is held
    idle_since_s: float = 0.0
    writing: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)  # one write at a time, in order


class RegistryDirectory:
    """The methods of Directory belong to the event loop's thread; the others may come from any."""

    def __init__(self, registry: Registry, clock: Clock, holder: str, poke: Callable[[Key], None]) -> None:
        self._registry, self._clock, self._holder, self._poke = registry, clock, holder, poke
        self._routes: dict[Key, Route] = {}
        self._leases: dict[str, _Lease] = {}  # by resource: a name may be another model's tomorrow
        self._scaling: set[str] = set()  # resources whose replicas follow their demand
        self._waiters = Waiters()
        self.until = self._waiters.until
        self._refreshing = threading.Lock()  # the last refresh to read is the last to write

    # from any thread

    def refresh(self, key: Key) -> None:
        """Read the row again and rebuild its route; whoever waits for a change is told."""
        with self._refreshing:
            model = self._registry.find(key)
            if model is None:
                gone = self._routes.pop(key, None)
                self._scaling.discard(gone.key if gone else "")
            else:
                self._routes[key] = route_of(model, self._registry)
                scaling = model.spec.scaling
                (self._scaling.add if scaling.max > scaling.awake else self._scaling.discard)(model.resource)
        self._waiters.tell(key)

    def key_of(self, resource: str) -> Key | None:
        """Whose resource it is, of those that have a route."""
        return next((key for key, route in list(self._routes.items()) if route.key == resource), None)

    def count_by_state(self) -> Mapping[str, int]:
        return Counter(route.state for route in list(self._routes.values()))

    def reload(self) -> None:
        """All rows, at the start and now and then: a change that could not be read when it came is seen then."""
        for key in {*list(self._routes), *(model.key for model in self._registry.every())}:
            self.refresh(key)

    # Directory

    def find(self, tenant: str, name: str) -> Route | None:
        route = self._routes.get((tenant, name))
        return None if route is None or route.state == "deleting" else route

    def list(self, tenant: str) -> tuple[Route, ...]:
        routes = list(self._routes.items())  # other threads change the dict
        mine = [r for (owner, _), r in routes if owner == tenant and r.state != "deleting"]
        return tuple(sorted(mine, key=lambda r: r.name))

    async def take(self, route: Route) -> None:
        lease = self._leases.setdefault(route.key, _Lease((route.tenant, route.name)))
        lease.outstanding += 1
        try:
            if lease.ends_at_s <= self._clock.monotonic_s():
                # Shielded: a client that goes away must not leave a write whose outcome nobody noted.
                taking = asyncio.create_task(self._take_lease(route.key, lease))
                taking.add_done_callback(_retrieve)
                await asyncio.shield(taking)
        except Retryable as error:
            if not route.upstreams:
                self._drop_one(lease)
                raise
            # Nobody can put it to sleep either while the registry takes no writes.
            log.warning("served without a lease", model=route.name, why=str(error))
        except BaseException:
            self._drop_one(lease)
            raise

    def release(self, route: Route) -> None:
        lease = self._leases.get(route.key)
        if lease is not None:
            self._drop_one(lease)

    async def wake(self, route: Route) -> None:
        key = (route.tenant, route.name)
        await asyncio.shield(asyncio.create_task(self._stop_lingering()))  # shielded as in `take`
        await asyncio.to_thread(wake, self._registry, key, "a request")
        self._poke(key)

    async def changed(self, route: Route, timeout_s: float) -> Route | None:
        key = (route.tenant, route.name)
        with self._waiters.news(key) as news, contextlib.suppress(TimeoutError):
            if self.find(*key) == route:
                await asyncio.wait_for(news.wait(), timeout_s)
        newest = self.find(*key)
        return newest if newest is not None and newest.key == route.key else None

    def suspect(self, upstream: Upstream) -> None:
        resource, _, replica = upstream.id.rpartition("/")
        for host in self._registry.hosts.values():
            host.suspect(resource, int(replica))

    # leases

    async def keep_leases(self, period_s: float = 1.0) -> None:
        """Runs as long as the server: renews leases in use, gives up those that linger."""
        while True:
            await asyncio.sleep(period_s)
            try:
                await self.tend_leases()
            except Exception:  # the outermost loop: without it no lease would be renewed any more
                log.exception("leases not kept")

    async def tend_leases(self) -> None:
        now_s = self._clock.monotonic_s()
        is_memory_wanted = any(route.state == "waking" for route in list(self._routes.values()))
        linger_s = 0 if is_memory_wanted else LINGER_S
        for resource, lease in list(self._leases.items()):
            await self._tend(resource, lease, now_s, linger_s)

    async def _stop_lingering(self) -> None:
        """A model that wakes may need the memory of one that nobody uses."""
        now_s = self._clock.monotonic_s()
        for resource, lease in list(self._leases.items()):
            if not lease.outstanding:
                await self._tend(resource, lease, now_s, linger_s=0)

    async def _tend(self, resource: str, lease: _Lease, now_s: float, linger_s: float = LINGER_S) -> None:
        route = self._routes.get(lease.key)
        if route is not None and route.key != resource:
            # Its model is gone, and another has the name: that one's use is not ours to end.
            self._leases.pop(resource, None)
            return
        try:
            if lease.outstanding and (lease.ends_at_s - now_s < RENEW_AT_S or self._is_news(resource, lease)):
                await self._take_lease(resource, lease, renew=True)
                self._poke(lease.key)
            elif not lease.outstanding and now_s - lease.idle_since_s >= linger_s:
                await self._give_up_lease(resource, lease)
        except NotFound:
            self._leases.pop(resource, None)
        except LLManagerError as error:
            log.warning("lease not kept", model=lease.key[1], why=str(error))

    async def _take_lease(self, resource: str, lease: _Lease, *, renew: bool = False) -> None:
        async with lease.writing:
            asked_at_s = self._clock.monotonic_s()
            if lease.ends_at_s > asked_at_s and not renew:
                return  # another request took it while this one waited
            demand = max(1, lease.outstanding)
            await asyncio.to_thread(hold, self._registry, lease.key, self._holder_of(resource), LEASE_S, demand)
            lease.ends_at_s, lease.told = asked_at_s + LEASE_S, demand
            await asyncio.to_thread(self.refresh, lease.key)  # a sleep that was decided before the lease shows now

    async def _give_up_lease(self, resource: str, lease: _Lease) -> None:
        async with lease.writing:
            if lease.outstanding or self._leases.get(resource) is not lease:
                return
            lease.ends_at_s = 0.0  # a request that comes while this is written takes a lease of its own after it
            await asyncio.to_thread(let_go, self._registry, lease.key, self._holder_of(resource))
            if not lease.outstanding:
                del self._leases[resource]
        self._poke(lease.key)

    def _is_news(self, resource: str, lease: _Lease) -> bool:
        """Demand that grew or shrank, of a model that has replicas to start or stop for it."""
        return resource in self._scaling and lease.told != max(1, lease.outstanding)

    def _holder_of(self, resource: str) -> str:
        return f"{self._holder}/{resource}"

    def _drop_one(self, lease: _Lease) -> None:
        lease.outstanding -= 1
        if lease.outstanding == 0:
            lease.idle_since_s = self._clock.monotonic_s()


def _retrieve(taking: asyncio.Task[None]) -> None:
    """Looks at the result once, so that a take whose request went away is not reported as lost when it fails."""
    if not taking.cancelled():
        taking.exception()
