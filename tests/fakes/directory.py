import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

from llmanager.gateway.ports import Route, Upstream
from llmanager.kernel.errors import LLManagerError


def chat_route(*upstreams: Upstream, name: str = "m", tenant: str = "acme", **more: Any) -> Route:
    values: dict[str, Any] = {"kind": "chat", "state": "ready" if upstreams else "asleep", "created": 1_700_000_000}
    return Route(key=f"{tenant}/{name}", tenant=tenant, name=name, upstreams=upstreams, **(values | more))


class FakeDirectory:
    """A Directory in a dict. `put` and `remove` wake those who wait in `changed`.

    `using` counts takes less releases; `on_wake` is what a wake does; `on_take` an error that `take` raises;
    `during_take` is what happens before it returns.
    """

    def __init__(self, *routes: Route) -> None:
        self.routes = {(route.tenant, route.name): route for route in routes}
        self.using: Counter[str] = Counter()
        self.takes = 0
        self.wakes = 0
        self.finds = 0
        self.suspected: list[str] = []
        self.on_take: LLManagerError | None = None
        self.during_take = lambda: None
        self.on_wake = lambda route: None
        self.on_suspect = lambda upstream: None
        self.waits = asyncio.Semaphore(0)  # one permit for each call of `changed`: a test can wait for a waiter
        self._changed = asyncio.Event()

    def put(self, route: Route) -> None:
        self.routes[route.tenant, route.name] = route
        self._tell()

    def change(self, name: str = "m", tenant: str = "acme", **values: Any) -> None:
        self.put(replace(self.routes[tenant, name], **values))

    def remove(self, name: str = "m", tenant: str = "acme") -> None:
        del self.routes[tenant, name]
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def find(self, tenant: str, name: str) -> Route | None:
        self.finds += 1
        return self.routes.get((tenant, name))

    def list(self, tenant: str) -> tuple[Route, ...]:
        return tuple(route for (owner, _), route in sorted(self.routes.items()) if owner == tenant)

    async def take(self, route: Route) -> None:
        if self.on_take is not None:
            raise self.on_take
        self.takes += 1
        self.using[route.key] += 1
        self.during_take()

    def release(self, route: Route) -> None:
        self.using[route.key] -= 1
        assert self.using[route.key] >= 0, "released more often than taken"

    async def wake(self, route: Route) -> None:
        self.wakes += 1
        self.on_wake(route)

    async def changed(self, route: Route, timeout_s: float) -> Route | None:
        self.waits.release()
        try:
            async with asyncio.timeout(timeout_s):
                while self.routes.get((route.tenant, route.name)) == route:
                    await self._changed.wait()
        except TimeoutError:
            pass
        newest = self.routes.get((route.tenant, route.name))
        return newest if newest is not None and newest.key == route.key else None

    def suspect(self, upstream: Upstream) -> None:
        self.suspected.append(upstream.id)
        self.on_suspect(upstream)
