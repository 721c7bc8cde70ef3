"""The watchdog: ends what is past its time by its tags alone, so that it works where registry and reaper do not."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from llmanager.kernel.errors import LLManagerError
from llmanager.models.entities import Held
from llmanager.models.ports import ModelHost

UNREADABLE_AFTER_S = 48 * 3600.0  # twice a dead man's switch: a living reconciler would have written the tags anew


class Deed(StrEnum):
    REMOVE = "remove"
    PARK = "park"
    TELL = "tell"


@dataclass(frozen=True)
class Act:
    resource: str
    deed: Deed
    why: str
    error: LLManagerError | None = None  # it could not be done now; the next pass tries again


def watch(host: ModelHost, *, now: datetime, stage: str) -> tuple[Act, ...]:
    """One pass. One resource that fails holds up no other; `check` raises for those that did.

    Never asks the registry: rows may be lost, or their keeper broken. Raises what `host.resources` does.
    """
    is_billed = host.traits.is_billed
    acts = (judged(held, is_billed=is_billed, now=now, stage=stage) for held in host.resources())
    return tuple(_done(host, act) for act in acts if act is not None)


def check(acts: tuple[Act, ...]) -> None:
    """For who runs it unattended. Raises the first error, with a note of each resource that failed."""
    failed = [(act.resource, act.error) for act in acts if act.error is not None]
    for _, error in failed[:1]:
        for resource, _ in failed:
            error.add_note(resource)
        raise error


def judged(held: Held, *, is_billed: bool, now: datetime, stage: str) -> Act | None:
    """What is to be done with one resource. Pure."""
    tags = held.tags
    if tags is not None and tags.stage != stage:
        return None  # another stage has its own watchdog
    if tags is not None and tags.ttl_at is not None and tags.ttl_at <= now:
        return Act(held.resource, Deed.REMOVE, f"its time to live ended at {tags.ttl_at.isoformat()}")
    if tags is None or (tags.expires_at is None and is_billed):
        return _untagged(held, now)
    if tags.expires_at is not None and tags.expires_at <= now and held.is_running:
        return Act(held.resource, Deed.PARK, f"nobody renewed it since {tags.expires_at.isoformat()}")
    return None


def _untagged(held: Held, now: datetime) -> Act:
    is_old = held.created_at is not None and held.created_at + timedelta(seconds=UNREADABLE_AFTER_S) < now
    if is_old and held.is_running:
        return Act(held.resource, Deed.PARK, f"no tag says when it ends, for more than {UNREADABLE_AFTER_S:g} s")
    return Act(held.resource, Deed.TELL, "no tag says when it ends. Look whose it is, and tag or remove it by hand.")


def _done(host: ModelHost, act: Act) -> Act:
    try:
        match act.deed:
            case Deed.REMOVE:
                host.remove(act.resource)
            case Deed.PARK:
                host.park(act.resource)
            case Deed.TELL:
                pass
    except LLManagerError as error:
        return Act(act.resource, act.deed, act.why, error)
    return act
