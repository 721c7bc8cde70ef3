"""Leases on a model: while one lives, nothing but a delete or a hard limit stops the model."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from llmanager.kernel.errors import Conflict, Throttled
from llmanager.kernel.table import Put
from llmanager.models import rows
from llmanager.models.entities import Use
from llmanager.models.rows import Key
from llmanager.models.usecases.registry import Registry

ATTEMPTS = 20


def hold(registry: Registry, key: Key, holder: str, lease_s: float) -> None:
    """Take or renew a lease and note the use. After it returns, a sleep that was decided before is visible.

    The write and the reaper's go through the same row, so one of the two sees the other.
    """
    now = registry.clock.now()
    until = now + timedelta(seconds=lease_s)
    _change(registry, key, lambda use: Use({**_live(use, registry), holder: until}, last_used_at=now))


def let_go(registry: Registry, key: Key, holder: str) -> None:
    """Give the lease up; the model's idle time starts now."""
    now = registry.clock.now()

    def without(use: Use) -> Use:
        holders = {h: until for h, until in _live(use, registry).items() if h != holder}
        return replace(use, holders=holders, last_used_at=now)

    _change(registry, key, without)


def _live(use: Use, registry: Registry) -> dict[str, datetime]:
    now = registry.clock.now()
    return {holder: until for holder, until in use.holders.items() if until > now}


def _change(registry: Registry, key: Key, to: Callable[[Use], Use]) -> None:
    for _ in range(ATTEMPTS):
        model, use = registry.require(key), registry.use(key)
        try:
            registry.table.transact(
                [
                    Put(rows.use_row(key, to(use)), use.version or "absent"),
                    rows.still_there(model),
                ]
            )
        except Conflict:
            continue
        return
    raise Throttled(f"Too many begin to use model {key[1]!r} at once. Try again.")
