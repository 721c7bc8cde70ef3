"""Every model of all tenants in one look: what it is, since when and why, what it costs, what is wrong with it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from llmanager.kernel.table import all_rows
from llmanager.models import rows
from llmanager.models.alarms import alarms
from llmanager.models.caps import Caps
from llmanager.models.entities import Event, Model, ReplicaState, Status, Use
from llmanager.models.ledger import hourly_usd, spent_by
from llmanager.models.limits import expires_at, sleeps_at
from llmanager.models.reconcile import status
from llmanager.models.sight import Sight
from llmanager.models.usecases.registry import Registry


@dataclass(frozen=True)
class Member:
    model: Model
    status: Status
    last_event: Event  # since when it is so, and why
    ready: int  # replicas
    usd_per_hour: Decimal | None  # now; None: it runs at a price that is not known
    usd_per_hour_max: Decimal | None  # None: the price is not known
    instances_max: int
    usd_spent: Decimal | None
    last_used_at: datetime | None
    sleeps_at: datetime | None
    expires_at: datetime | None
    alarms: tuple[str, ...]

    @property
    def instances(self) -> int:
        """That are billed now."""
        return self.model.observed.instances


@dataclass(frozen=True)
class Fleet:
    """Sums leave out what is not known; `unpriced` counts the members of which that is so."""

    at: datetime
    members: tuple[Member, ...]
    caps: Caps

    @property
    def instances(self) -> int:
        return sum(member.instances for member in self.members)

    @property
    def instances_max(self) -> int:
        return sum(member.instances_max for member in self.members)

    @property
    def usd_per_hour(self) -> Decimal:
        return _sum(member.usd_per_hour for member in self.members)

    @property
    def usd_per_hour_max(self) -> Decimal:
        return _sum(member.usd_per_hour_max for member in self.members)

    @property
    def usd_spent(self) -> Decimal:
        return _sum(member.usd_spent for member in self.members)

    @property
    def unpriced(self) -> int:
        return sum(member.usd_per_hour is None for member in self.members)

    @property
    def alarms(self) -> int:
        return sum(len(member.alarms) for member in self.members)


def fleet(registry: Registry) -> Fleet:
    """From rows alone, in one scan: it asks no host, so that it may be looked at often. By tenant and name."""
    models: list[Model] = []
    uses: dict[rows.Key, Use] = {}
    for row in all_rows(registry.table):
        if rows.is_model(row):
            models.append(rows.to_model(row))
        elif rows.is_use(row):
            uses[rows.key_of(row)] = rows.to_use(row)
    now = registry.clock.now()
    members = (_member(registry, model, uses.get(model.key, Use()), now) for model in models)
    return Fleet(now, tuple(sorted(members, key=lambda member: member.model.key)), registry.caps)


def _member(registry: Registry, model: Model, use: Use, now: datetime) -> Member:
    claim = registry.claim(model)
    return Member(
        model=model,
        status=status(model),
        last_event=model.events[-1] if model.events else Event(model.created_at, "created"),
        ready=sum(replica.state is ReplicaState.READY for replica in model.observed.replicas),
        usd_per_hour=hourly_usd(model),
        usd_per_hour_max=claim.usd_per_hour,
        instances_max=claim.instances,
        usd_spent=spent_by(model, now),
        last_used_at=use.last_used_at,
        sleeps_at=sleeps_at(model, _sight(registry, model, use), now),
        expires_at=expires_at(model),
        alarms=alarms(model, now),
    )


def _sight(registry: Registry, model: Model, use: Use) -> Sight:
    host = registry.hosts.get(model.spec.backend)
    busy = registry.busy(model.resource)
    return Sight(model.observed, use, busy=busy) if host is None else Sight(model.observed, use, host.traits, busy)


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal(0))
