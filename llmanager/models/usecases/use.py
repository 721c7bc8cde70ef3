"""Leases on a model: while one lives, nothing but a delete or a hard limit stops the model."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from llmanager.kernel.errors import Conflict, Throttled
from llmanager.kernel.table import Put
from llmanager.models import rows
from llmanager.models.entities import Use
from llmanager.models.rows import Key
from llmanager.models.usecases.registry import Registry

ATTEMPTS = 20
Holders = Mapping[str, datetime]


def hold(registry: Registry, key: Key, holder: str, lease_s: float, demand: int = 1) -> None:
    """Take or renew a lease and note the use. After it returns, a sleep that was decided before is visible.

    `demand`: requests that this holder has open or waiting.

    The write and the reaper's go through the same row, so one of the two sees the other.
    """
    now = registry.clock.now()
    until = now + timedelta(seconds=lease_s)

    def held(use: Use, live: Holders) -> Use:
        holders = {**live, holder: until}
        return Use(holders, now, demand={h: use.demand.get(h, 0) for h in live} | {holder: demand})

    _change(registry, key, held)


def let_go(registry: Registry, key: Key, holder: str) -> None:
    """Give the lease up; the model's idle time starts now."""
    now = registry.clock.now()

    def without(use: Use, live: Holders) -> Use:
        others = {h: until for h, until in live.items() if h != holder}
        return replace(use, holders=others, last_used_at=now, demand={h: use.demand.get(h, 0) for h in others})

    _change(registry, key, without)


def _change(registry: Registry, key: Key, to: Callable[[Use, Holders], Use]) -> None:
    """`to` is given the leases that count: those that may be live by somebody's clock are nobody else's to end."""
    for _ in range(ATTEMPTS):
        model, use = registry.require(key), registry.use(key)
        sure_at = registry.clock.now() - timedelta(seconds=registry.host(model).traits.clock_skew_s)
        live = {holder: until for holder, until in use.holders.items() if until > sure_at}
        try:
            registry.table.transact(
                [
                    Put(rows.use_row(key, to(use, live)), use.version or "absent"),
                    rows.still_there(model),
                ]
            )
        except Conflict:
            continue
        return
    raise Throttled(f"Too many begin to use model {key[1]!r} at once. Try again.")
