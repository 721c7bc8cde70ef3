"""Find what hosts hold without a row, and remove what is nobody's."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.orphans import OrphansInDoubt, Resource, Verdict, judge
from llmanager.models.entities import Backend, Held
from llmanager.models.ports import ModelHost
from llmanager.models.usecases.registry import Registry

GRACE_S = 600.0  # younger ones without row and tombstone wait


@dataclass(frozen=True)
class HostSweep:
    """`removed`: removal begun, or would be in a dry run. A failed one shows again in the next sweep."""

    backend: Backend
    removed: tuple[str, ...] = ()
    suspicious: tuple[str, ...] = ()  # neither row nor tombstone
    is_stopped: bool = False
    why: str = ""
    elsewhere: tuple[str, ...] = ()  # of another installation, or of this one before its rows were lost: left alone
    errors: tuple[LLManagerError, ...] = ()


@dataclass(frozen=True)
class Sweep:
    hosts: tuple[HostSweep, ...]
    is_dry_run: bool = False

    @property
    def removed(self) -> tuple[str, ...]:
        return tuple(resource for host in self.hosts for resource in host.removed)

    def check(self) -> None:
        """For who runs it unattended. Raises OrphansInDoubt, else the first error of a host, if there was any."""
        doubts = [f"{host.backend.value}: {host.why}" for host in self.hosts if host.is_stopped]
        if doubts:
            raise OrphansInDoubt(" ".join(doubts))
        for host in self.hosts:
            for error in host.errors:
                raise error


def sweep(registry: Registry, *, dry_run: bool = False, is_billed: bool | None = None) -> Sweep:
    """One host that fails holds up no other, nor one resource; the report tells. Raises what is Retryable of the table.

    Where nothing costs money a resource without a row is removed at once: rows come before resources, and what a host
    holds in this process has no older truth that could have been lost.
    `is_billed`: only hosts that are so; None: all.
    """
    hosts = [(b, h) for b, h in registry.hosts.items() if is_billed in (None, h.traits.is_billed)]
    return Sweep(tuple(_swept(registry, backend, host, dry_run) for backend, host in hosts), dry_run)


def _swept(registry: Registry, backend: Backend, host: ModelHost, dry_run: bool) -> HostSweep:
    try:
        held = host.resources()  # before the rows are read: a resource made later is not in this list
    except LLManagerError as error:
        return HostSweep(backend, errors=(error,))
    own = registry.installation()
    elsewhere = tuple(h.resource for h in held if own and h.tags is not None and h.tags.installation not in ("", own))
    verdict = _judged(registry, host, tuple(h for h in held if h.resource not in elsewhere))
    failures = [] if dry_run else [_failure(partial(host.remove, resource)) for resource in verdict.remove]
    errors = tuple(error for error in failures if error is not None)
    return HostSweep(
        backend, verdict.remove, verdict.suspicious, verdict.is_stopped, verdict.why, elsewhere, errors=errors
    )


def _judged(registry: Registry, host: ModelHost, held: tuple[Held, ...]) -> Verdict:
    alive = {model.resource for model in registry.every()}
    rowless = sorted({h.resource for h in held} - alive)
    if not rowless:
        return Verdict()
    if not host.traits.is_billed:
        return Verdict(tuple(rowless))
    return judge(
        (Resource(h.resource, h.created_at) for h in held),
        alive=alive,
        dead={resource for resource in rowless if registry.is_dead(resource)},
        is_registry_known=registry.is_known(),
        now=registry.clock.now(),
        grace_s=GRACE_S,
    )


def _failure(act: Callable[[], None]) -> LLManagerError | None:
    try:
        act()
    except LLManagerError as error:
        return error
    return None
