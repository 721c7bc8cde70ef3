"""What is due to sleep or to go, and what nobody's row tells of: one report, dry or real."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from llmanager.kernel.errors import LLManagerError
from llmanager.models.entities import Desired, Model
from llmanager.models.ledger import hourly_usd
from llmanager.models.limits import idle_since
from llmanager.models.rows import Key
from llmanager.models.usecases.reconcile import decide, reconcile_once
from llmanager.models.usecases.registry import Registry
from llmanager.models.usecases.sweep import Sweep, sweep


@dataclass(frozen=True)
class Due:
    """A limit that a model has reached."""

    key: Key
    deed: Desired  # asleep or deleted
    why: str
    idle_since: datetime
    usd_per_hour_saved: Decimal | None  # None: the price is not known
    is_begun: bool = False  # never in a dry run; else False: somebody used it meanwhile, or another pass is at it


@dataclass(frozen=True)
class Failure:
    """A model that could not be looked at or acted on now; the next pass tries again."""

    key: Key
    error: LLManagerError


@dataclass(frozen=True)
class Report:
    due: tuple[Due, ...]
    failures: tuple[Failure, ...]
    orphans: Sweep
    is_dry_run: bool


def reap(registry: Registry, owner: str, *, dry_run: bool) -> Report:
    """Do now what every pass does anyway, or only tell. `owner`: of this call alone, no other pass may use it.

    One model that fails holds up no other. Raises what is Retryable of the table.
    """
    due: list[Due] = []
    failures: list[Failure] = []
    for model in registry.every():
        try:
            found = _due(registry, model)
            if found is not None:
                due.append(found if dry_run else _done(registry, found, owner))
        except LLManagerError as error:
            failures.append(Failure(model.key, error))
    return Report(tuple(due), tuple(failures), sweep(registry, dry_run=dry_run), dry_run)


def _due(registry: Registry, model: Model) -> Due | None:
    use = registry.use(model.key)
    wished = decide(registry, model, use).model
    if wished.desired is model.desired or wished.desired is Desired.RUNNING:
        return None
    return Due(model.key, wished.desired, _why(wished), idle_since(model, use), hourly_usd(model))


def _why(wished: Model) -> str:
    return next((event.why for event in reversed(wished.events) if event.what == wished.desired.value), "")


def _done(registry: Registry, due: Due, owner: str) -> Due:
    reconcile_once(registry, due.key, owner)
    now = registry.find(due.key)
    return replace(due, is_begun=now is None or now.desired in (due.deed, Desired.DELETED))
