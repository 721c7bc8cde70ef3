"""POST /admin/*: the whole installation, for whoever pays for it. Money as decimal strings, times RFC 3339."""

from typing import Annotated, Literal

from pydantic import Field

from llmanager.wire.base import Name, Request, Response, Time


class AskFleet(Request):
    tenant: Name | None = Field(None, description="only this one's; sums are of all")


class AskReap(Request):
    dry_run: Annotated[bool, Field(description="only tell what would be done")] = False


class AskOrphans(Request):
    pass


class Member(Response):
    """A model. `usd_per_hour` is what it costs at this moment; null: it runs at a price that is not known."""

    tenant: str
    name: str
    model: str
    backend: str
    status: str
    why: str  # what happened last
    since: Time
    instance_type: str
    replicas: int  # ready ones
    instances: int  # billed now
    usd_per_hour: str | None
    usd_per_hour_max: str | None
    usd_spent: str | None
    last_used_at: Time | None
    sleeps_at: Time | None
    expires_at: Time | None
    alarms: tuple[str, ...]


class Vdb(Response):
    tenant: str
    name: str
    status: str
    why: str
    since: Time
    last_used_at: Time | None
    sleeps_at: Time | None
    expires_at: Time | None  # also by not being used


class Total(Response):
    """Of all models. Money that is not known is left out; `unpriced` counts the models of which that is so."""

    models: int
    instances: int
    usd_per_hour: str
    usd_spent: str
    unpriced: int
    alarms: int
    instances_max: int
    usd_per_hour_max: str


class Caps(Response):
    """The operator's. null: no limit; of instance types: every one whose price is known."""

    max_models: int
    max_instances: int
    max_usd_per_hour: str | None
    instance_types: tuple[str, ...] | None


class Fleet(Response):
    at: Time
    models: tuple[Member, ...]
    vdbs: tuple[Vdb, ...]
    total: Total
    caps: Caps


class Due(Response):
    tenant: str
    name: str
    deed: Literal["sleep", "delete"]
    why: str
    idle_since: Time
    usd_per_hour_saved: str | None
    is_begun: bool  # false in a dry run, or where somebody used it meanwhile


class Failure(Response):
    tenant: str
    name: str
    why: str


class HostOrphans(Response):
    """What a host holds without a row. `removed`: removal begun, or what the next sweep will remove."""

    backend: str
    removed: tuple[str, ...]
    suspicious: tuple[str, ...]  # no tombstone tells that they were a model's
    elsewhere: tuple[str, ...]  # another installation's, or this one's from before its rows were lost: left alone
    is_stopped: bool  # nothing suspicious is removed until somebody looked
    why: str
    errors: tuple[str, ...]


class Orphans(Response):
    hosts: tuple[HostOrphans, ...]


class Reaped(Response):
    dry_run: bool
    due: tuple[Due, ...]
    failures: tuple[Failure, ...]
    orphans: tuple[HostOrphans, ...]
