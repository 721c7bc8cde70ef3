"""Keyrings: one remembers for a minute what the table said about a key, one asks for none, one lets nobody in."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from llmanager.auth.errors import BadKey
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import Unauthenticated
from llmanager.kernel.principal import SCOPES, Principal

MAX_HEADER_CHARS = 512
UNKNOWN_AGE_S = 2.0  # a key made just after it was tried works this soon

V = TypeVar("V")


class CachedKeyring:
    """Asks `authenticate(secret)` (blocking, so in a thread) at most once per key and `max_age_s`.

    What is fresh is served without the table, so known keys outlive its outages by up to `max_age_s`; a revocation
    takes as long to be felt. Unknown keys are remembered apart and briefly: a flood of them evicts no good one.
    """

    def __init__(
        self,
        authenticate: Callable[[str], Principal],
        clock: Clock,
        max_age_s: float = 60.0,
        max_entries: int = 10_000,
    ) -> None:
        self._authenticate = authenticate
        self._known: _Recent[Principal] = _Recent(clock, max_age_s, max_entries)
        self._unknown: _Recent[None] = _Recent(clock, min(UNKNOWN_AGE_S, max_age_s), max_entries)
        self._lookups: dict[bytes, asyncio.Task[Principal]] = {}

    async def principal(self, authorization: str | None) -> Principal:
        """Raises Unauthenticated; Unavailable or Throttled when the table is needed and does not answer."""
        secret = bearer_of(authorization)
        # The hash of all of it: a prefix as cache key would let one key pass for another.
        digest = hashlib.sha256((authorization or "").encode(errors="surrogatepass")).digest()
        principal = self._known.get(digest)
        if principal is not None:
            return principal
        if digest in self._unknown:
            raise BadKey
        lookup = self._lookups.get(digest)
        if lookup is None:
            lookup = self._lookups[digest] = asyncio.create_task(self._look_up(digest, secret))
            lookup.add_done_callback(_retrieve)
        # Shielded: many requests may wait on one lookup, and one that goes away must not end it for the rest.
        return await asyncio.shield(lookup)

    async def _look_up(self, digest: bytes, secret: str) -> Principal:
        try:
            principal = await asyncio.to_thread(self._authenticate, secret)
        except Unauthenticated:
            self._unknown.put(digest, None)
            raise
        finally:
            del self._lookups[digest]
        self._known.put(digest, principal)
        return principal


class OpenKeyring:
    """For LLMANAGER_AUTH=off: whoever reaches the loopback port is the tenant, with every scope."""

    def __init__(self, tenant: str = "local") -> None:
        self._principal = Principal(tenant=tenant, key_id="open", scopes=SCOPES)

    async def principal(self, authorization: str | None) -> Principal:
        return self._principal


class ShutKeyring:
    """For a process that serves nobody from outside: its gateway is asked from within alone."""

    async def principal(self, authorization: str | None) -> Principal:
        raise BadKey


class _Recent(Generic[V]):
    """A bounded map whose entries live `max_age_s`. All entries live equally long, so the first in is the first out."""

    def __init__(self, clock: Clock, max_age_s: float, max_entries: int) -> None:
        self._clock = clock
        self._max_age_s = max_age_s
        self._max_entries = max_entries
        self._entries: OrderedDict[bytes, tuple[float, V]] = OrderedDict()

    def get(self, key: bytes) -> V | None:
        return self._entries[key][1] if key in self else None

    def put(self, key: bytes, value: V) -> None:
        self._entries.pop(key, None)
        while len(self._entries) >= self._max_entries:
            self._entries.popitem(last=False)
        self._entries[key] = (self._clock.monotonic_s() + self._max_age_s, value)

    def __contains__(self, key: bytes) -> bool:
        entry = self._entries.get(key)
        return entry is not None and self._clock.monotonic_s() < entry[0]


def bearer_of(authorization: str | None) -> str:
    """The secret in 'Bearer SECRET' (RFC 6750; the scheme in any case). Raises BadKey for anything else."""
    if authorization is None or len(authorization) > MAX_HEADER_CHARS:
        raise BadKey
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise BadKey
    return secret.strip(" ")


def _retrieve(lookup: asyncio.Task[Principal]) -> None:
    """Looks at the result once, so that a failed lookup all of whose waiters went away is not reported as lost."""
    if not lookup.cancelled():
        lookup.exception()
