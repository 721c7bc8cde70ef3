"""The gateway's Directory over the registry of this process: routes from memory, leases on rows.

Routes are rebuilt when a row or a replica changes, so a request finds its route in one dict look-up, and goes on
finding it while the registry's file is locked or its disk is full.
"""

import asyncio
import contextlib
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import structlog

from llmanager.gateway.ports import Route, Upstream
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import LLManagerError, NotFound, Retryable
from llmanager.models.entities import Desired, Model, ReplicaState, Status
from llmanager.models.reconcile import status
from llmanager.models.rows import Key
from llmanager.models.usecases.change import wake
from llmanager.models.usecases.registry import Registry
from llmanager.models.usecases.use import hold, let_go

LEASE_S = 60.0
RENEW_AT_S = 30.0  # a lease that has less left than this is renewed while its model is in use
LINGER_S = 2.0  # a lease without a request is given up after this: back-to-back requests cost one write

log = structlog.get_logger()
State = Literal["ready", "waking", "asleep", "failed", "deleting"]
_STATES: dict[Status, State] = {
    Status.READY: "waking",  # the row is behind: no replica is ready any more
    Status.UPDATING: "waking",
    Status.CREATING: "waking",
    Status.WAKING: "waking",
    Status.ASLEEP: "asleep",
    Status.FAILED: "failed",
    Status.DELETING: "deleting",
}


def route_of(model: Model, registry: Registry) -> Route:
    upstreams: tuple[Upstream, ...] = ()
    if model.desired is Desired.RUNNING:
        endpoints = registry.host(model).endpoints(model.resource)
        upstreams = tuple(
            Upstream(f"{model.resource}/{e.replica}", e.base_url, e.served_name, e.authorization) for e in endpoints
        )
    stages = [r.stage for r in model.observed.replicas if r.state is ReplicaState.STARTING]
    return Route(
        key=model.resource,
        tenant=model.tenant,
        name=model.name,
        kind=model.spec.kind.value,
        state="ready" if upstreams else _STATES[status(model)],
        upstreams=upstreams,
        detail=model.failure or next((s for s in stages if s), ""),
        created=int(model.created_at.timestamp()),
        context_tokens=model.quote.context_tokens,
        dimensions=model.quote.dimensions,
    )


@dataclass
class _Lease:
    """Of this process on one model."""

    outstanding: int = 0
    ends_at_s: float = 0.0  # monotonic; 0: none is held
    idle_since_s: float = 0.0
    writing: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)  # one write at a time, in order


class RegistryDirectory:
    """The methods of Directory belong to the event loop's thread; the others may come from any."""

    def __init__(self, registry: Registry, clock: Clock, holder: str, poke: Callable[[Key], None]) -> None:
        self._registry, self._clock, self._holder, self._poke = registry, clock, holder, poke
        self._routes: dict[Key, Route] = {}
        self._leases: dict[Key, _Lease] = {}
        self._waiters: dict[Key, set[asyncio.Event]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._refreshing = threading.Lock()  # the last refresh to read is the last to write

    # from any thread

    def refresh(self, key: Key) -> None:
        """Read the row again and rebuild its route; whoever waits for a change is told."""
        with self._refreshing:
            model = self._registry.find(key)
            if model is None:
                self._routes.pop(key, None)
            else:
                self._routes[key] = route_of(model, self._registry)
        self._tell(key)

    def key_of(self, resource: str) -> Key | None:
        """Whose resource it is, of those that have a route."""
        return next((key for key, route in list(self._routes.items()) if route.key == resource), None)

    def count_by_state(self) -> Mapping[str, int]:
        return Counter(route.state for route in list(self._routes.values()))

    def reload(self) -> None:
        """All rows, at the start."""
        for model in self._registry.every():
            self.refresh(model.key)

    def _tell(self, key: Key) -> None:
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._wake_waiters, key)

    def _wake_waiters(self, key: Key) -> None:
        for event in self._waiters.get(key, ()):
            event.set()

    # Directory

    def find(self, tenant: str, name: str) -> Route | None:
        route = self._routes.get((tenant, name))
        return None if route is None or route.state == "deleting" else route

    def list(self, tenant: str) -> tuple[Route, ...]:
        mine = [r for (owner, _), r in self._routes.items() if owner == tenant and r.state != "deleting"]
        return tuple(sorted(mine, key=lambda r: r.name))

    async def take(self, route: Route) -> None:
        key = (route.tenant, route.name)
        lease = self._leases.setdefault(key, _Lease())
        lease.outstanding += 1
        try:
            if lease.ends_at_s <= self._clock.monotonic_s():
                # Shielded: a client that goes away must not leave a write whose outcome nobody noted.
                await asyncio.shield(asyncio.create_task(self._take_lease(key, lease)))
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
        lease = self._leases.get((route.tenant, route.name))
        if lease is not None:
            self._drop_one(lease)

    async def wake(self, route: Route) -> None:
        key = (route.tenant, route.name)
        await asyncio.shield(asyncio.create_task(self._stop_lingering()))  # shielded as in `take`
        await asyncio.to_thread(wake, self._registry, key, "a request")
        self._poke(key)

    async def changed(self, route: Route, timeout_s: float) -> Route | None:
        key, event = (route.tenant, route.name), asyncio.Event()
        self._waiters[key].add(event)
        try:
            if self.find(*key) == route:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), timeout_s)
            return self.find(*key)
        finally:
            self._waiters[key].discard(event)
            if not self._waiters[key]:
                del self._waiters[key]

    def suspect(self, upstream: Upstream) -> None:
        resource, _, replica = upstream.id.rpartition("/")
        for host in self._registry.hosts.values():
            host.suspect(resource, int(replica))

    # leases

    async def keep_leases(self, period_s: float = 1.0) -> None:
        """Runs as long as the server: renews leases in use, gives up those that linger."""
        self._loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(period_s)
            now_s = self._clock.monotonic_s()
            for key, lease in list(self._leases.items()):
                await self._tend(key, lease, now_s)

    async def _stop_lingering(self) -> None:
        """A model that wakes may need the memory of one that nobody uses."""
        now_s = self._clock.monotonic_s()
        for key, lease in list(self._leases.items()):
            if not lease.outstanding:
                await self._tend(key, lease, now_s, linger_s=0)

    async def _tend(self, key: Key, lease: _Lease, now_s: float, linger_s: float = LINGER_S) -> None:
        try:
            if lease.outstanding and lease.ends_at_s - now_s < RENEW_AT_S:
                await self._take_lease(key, lease, renew=True)
            elif not lease.outstanding and now_s - lease.idle_since_s >= linger_s:
                await self._give_up_lease(key, lease)
        except NotFound:
            self._leases.pop(key, None)
        except LLManagerError as error:
            log.warning("lease not kept", model=key[1], why=str(error))

    async def _take_lease(self, key: Key, lease: _Lease, *, renew: bool = False) -> None:
        async with lease.writing:
            asked_at_s = self._clock.monotonic_s()
            if lease.ends_at_s > asked_at_s and not renew:
                return  # another request took it while this one waited
            await asyncio.to_thread(hold, self._registry, key, self._holder, LEASE_S)
            lease.ends_at_s = asked_at_s + LEASE_S
            await asyncio.to_thread(self.refresh, key)  # a sleep that was decided before the lease shows now

    async def _give_up_lease(self, key: Key, lease: _Lease) -> None:
        async with lease.writing:
            if lease.outstanding or self._leases.get(key) is not lease:
                return
            lease.ends_at_s = 0.0  # a request that comes while this is written takes a lease of its own after it
            await asyncio.to_thread(let_go, self._registry, key, self._holder)
            if not lease.outstanding:
                del self._leases[key]
        self._poke(key)

    def _drop_one(self, lease: _Lease) -> None:
        lease.outstanding -= 1
        if lease.outstanding == 0:
            lease.idle_since_s = self._clock.monotonic_s()
