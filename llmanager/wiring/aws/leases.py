"""Leases on models, of a process that stands still between requests: what it holds then runs out by itself.

A lease outlasts its request, so that the next ones cost no write; renewing goes on only while there is a request.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import structlog

from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import LLManagerError, Retryable
from llmanager.models.rows import Key
from llmanager.models.usecases.registry import Registry
from llmanager.models.usecases.use import hold

LEASE_S = 60.0
RENEW_AT_S = 30.0  # a lease that has less left than this is renewed while its model is in use
LOOK_EVERY_S = 10.0

log = structlog.get_logger()


@dataclass
class _Lease:
    """On one generation of one model."""

    key: Key
    outstanding: int = 0
    ends_at_s: float = 0.0  # monotonic; 0: none is held
    writing: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)


class Leases:
    """Its methods belong to the event loop's thread.

    `new_holder` names this process, and is asked at the first lease: what is drawn before is part of the snapshot that
    Lambda restores many processes from, and these would share one lease: whoever is idle would tell for all.
    """

    def __init__(
        self, registry: Registry, clock: Clock, new_holder: Callable[[], str], *, look_every_s: float = LOOK_EVERY_S
    ) -> None:
        self._registry, self._clock, self._holder = registry, clock, cache(new_holder)
        self._look_every_s = look_every_s
        self._leases: dict[str, _Lease] = {}  # by resource: a name may be another model's tomorrow
        self._keeping: asyncio.Task[None] | None = None

    async def take(self, resource: str, key: Key, *, is_needed: bool) -> bool:
        """A request begins. Whether a lease was written for it; where one cannot be and none is needed: False.

        Raises ModelNotFound, and what is Retryable where a lease `is_needed`.
        """
        self._forget_ended()
        lease = self._leases.setdefault(resource, _Lease(key))
        lease.outstanding += 1
        try:
            # Shielded: a client that goes away must not leave a write whose outcome nobody noted.
            renewing = asyncio.create_task(self._renewed(resource, lease))
            renewing.add_done_callback(_retrieve)
            is_written = await asyncio.shield(renewing)
        except Retryable as error:
            if is_needed:
                self.release(resource)
                raise
            log.warning("served without a lease", model=key[1], why=str(error))
            is_written = False
        except BaseException:
            self.release(resource)
            raise
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())
        return is_written

    def release(self, resource: str) -> None:
        self._leases[resource].outstanding -= 1
        if self._keeping is not None and not self._in_use():
            self._keeping.cancel()
            self._keeping = None

    async def renew(self) -> None:
        """Those that are in use and run out soon. One that cannot be written now is tried again."""
        for resource, lease in self._in_use():
            try:
                await self._renewed(resource, lease)
            except LLManagerError as error:
                log.warning("lease not kept", model=lease.key[1], why=str(error))

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._look_every_s)
            await self.renew()

    async def _renewed(self, resource: str, lease: _Lease) -> bool:
        async with lease.writing:
            asked_at_s = self._clock.monotonic_s()
            if lease.ends_at_s - asked_at_s >= RENEW_AT_S:
                return False
            demand, holder = max(1, lease.outstanding), f"{self._holder()}/{resource}"
            await asyncio.to_thread(hold, self._registry, lease.key, holder, LEASE_S, demand)
            lease.ends_at_s = asked_at_s + LEASE_S
            return True

    def _in_use(self) -> list[tuple[str, _Lease]]:
        return [(resource, lease) for resource, lease in self._leases.items() if lease.outstanding]

    def _forget_ended(self) -> None:
        now_s = self._clock.monotonic_s()
        gone = [r for r, lease in self._leases.items() if not lease.outstanding and 0 < lease.ends_at_s <= now_s]
        for resource in gone:
            del self._leases[resource]


def _retrieve(renewing: asyncio.Task[bool]) -> None:
    """Looks at the result once, so that a take whose request went away is not reported as lost when it fails."""
    if not renewing.cancelled():
        renewing.exception()
