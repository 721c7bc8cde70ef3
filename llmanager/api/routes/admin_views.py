"""The fleet and what is reaped of it as admins see them: entities to wire shapes."""

from collections.abc import Iterable

from llmanager.api.routes.model_views import told_usd
from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.money import usd_text
from llmanager.models.caps import Caps
from llmanager.models.entities import Desired
from llmanager.models.usecases.fleet import Fleet, Member
from llmanager.models.usecases.reap import Due, Report
from llmanager.models.usecases.sweep import Sweep
from llmanager.vdb.lifecycle import status
from llmanager.vdb.usecases.status import Standing
from llmanager.wire import admin as wire


def fleet_view(fleet: Fleet, vdbs: Iterable[Standing], tenant: str | None) -> wire.Fleet:
    return wire.Fleet(
        at=fleet.at,
        models=tuple(_member(m) for m in fleet.members if tenant in (None, m.model.tenant)),
        vdbs=tuple(_vdb(v) for v in vdbs if tenant in (None, v.collection.tenant)),
        total=wire.Total(
            models=len(fleet.members),
            instances=fleet.instances,
            usd_per_hour=usd_text(fleet.usd_per_hour),
            usd_spent=usd_text(fleet.usd_spent),
            unpriced=fleet.unpriced,
            alarms=fleet.alarms,
            instances_max=fleet.instances_max,
            usd_per_hour_max=usd_text(fleet.usd_per_hour_max),
        ),
        caps=_caps(fleet.caps),
    )


def reaped_view(report: Report) -> wire.Reaped:
    failures = (
        wire.Failure(tenant=failure.key[0], name=failure.key[1], why=_told(failure.error))
        for failure in report.failures
    )
    return wire.Reaped(
        dry_run=report.is_dry_run,
        due=tuple(_due(due) for due in report.due),
        failures=tuple(failures),
        orphans=orphans_view(report.orphans),
    )


def orphans_view(sweep: Sweep) -> tuple[wire.HostOrphans, ...]:
    return tuple(
        wire.HostOrphans(
            backend=host.backend,
            removed=host.removed,
            suspicious=host.suspicious,
            elsewhere=host.elsewhere,
            is_stopped=host.is_stopped,
            why=host.why,
            errors=tuple(_told(error) for error in host.errors),
        )
        for host in sweep.hosts
    )


def _member(member: Member) -> wire.Member:
    model, last = member.model, member.last_event
    return wire.Member(
        tenant=model.tenant,
        name=model.name,
        model=model.spec.model,
        backend=model.spec.backend,
        status=member.status,
        why=f"{last.what}: {last.why}" if last.why else last.what,
        since=last.at,
        instance_type=model.quote.instance_type,
        replicas=member.ready,
        instances=member.instances,
        usd_per_hour=told_usd(member.usd_per_hour),
        usd_per_hour_max=told_usd(member.usd_per_hour_max),
        usd_spent=told_usd(member.usd_spent),
        last_used_at=member.last_used_at,
        sleeps_at=member.sleeps_at,
        expires_at=member.expires_at,
        alarms=member.alarms,
    )


def _vdb(found: Standing) -> wire.Vdb:
    collection, last = found.collection, found.events[-1] if found.events else None
    return wire.Vdb(
        tenant=collection.tenant,
        name=collection.name,
        status="deleting" if collection.is_deleting else status(found.index),
        why="" if last is None else f"{last.what}: {last.why}" if last.why else last.what,
        since=collection.created_at if last is None else last.at,
        last_used_at=found.last_used_at,
        sleeps_at=found.sleeps_at,
        expires_at=found.deletes_at,
    )


def _caps(caps: Caps) -> wire.Caps:
    return wire.Caps(
        max_models=caps.max_models,
        max_instances=caps.max_instances,
        max_usd_per_hour=told_usd(caps.max_usd_per_hour),
        instance_types=None if caps.instance_types is None else tuple(sorted(caps.instance_types)),
    )


def _due(due: Due) -> wire.Due:
    return wire.Due(
        tenant=due.key[0],
        name=due.key[1],
        deed="delete" if due.deed is Desired.DELETED else "sleep",
        why=due.why,
        idle_since=due.idle_since,
        usd_per_hour_saved=told_usd(due.usd_per_hour_saved),
        is_begun=due.is_begun,
    )


def _told(error: LLManagerError) -> str:
    return str(error) or error.code
