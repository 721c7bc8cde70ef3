"""What to do with resources that no row tells of. Pure; shared by models and vector databases.

One late create of something that was deleted is to be removed; a registry that was lost must not take the fleet with
it. A tombstone tells the first for certain, so only what has neither row nor tombstone is in doubt.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from llmanager.kernel.errors import Final

MAX_SHARE = 5  # at most one in so many of all that is held may go without proof
NAMED = 3  # of those in doubt, in the text


class OrphansInDoubt(Final):
    """A sweep stopped: it would have removed more than chance explains. Told again until somebody looks."""

    code = "orphans_in_doubt"


@dataclass(frozen=True)
class Resource:
    name: str
    created_at: datetime | None = None  # None: not known


@dataclass(frozen=True)
class Verdict:
    remove: tuple[str, ...] = ()
    suspicious: tuple[str, ...] = ()  # neither row nor tombstone; those of them that may go are in `remove` too
    is_stopped: bool = False  # nothing suspicious is removed, and somebody must look
    why: str = ""  # what happened and what to do next; "" where nothing is suspicious


def judge(
    held: Iterable[Resource],
    *,
    alive: Collection[str],
    dead: Collection[str],
    is_registry_known: bool,
    now: datetime,
    grace_s: float,
    by_hand: str = "look at POST /admin/orphans and remove what is nobody's by hand",
) -> Verdict:
    """`alive` have a row, `dead` a tombstone; `by_hand`: what a person may do who has
    looked. A registry without its marker row is lost, or was never used.

    `held` must have been listed before the rows were read: rows come before what they name.
    """
    by_name = {resource.name: resource for resource in held}
    rowless = sorted(by_name.keys() - set(alive))
    known_dead = tuple(name for name in rowless if name in dead)
    suspicious = tuple(name for name in rowless if name not in dead)
    if not suspicious:
        return Verdict(known_dead)
    advice = f"Bring the rows back from a backup, or {by_hand}."
    told = f"{len(suspicious)} of {len(by_name)} resources have neither a row nor a tombstone: {_named(suspicious)}."
    if not is_registry_known:
        next_step = "The registry holds no marker row, so it may have been lost. Nothing of them was removed. "
        return Verdict(known_dead, suspicious, is_stopped=True, why=f"{told} {next_step}{advice}")
    if len(suspicious) * MAX_SHARE > len(by_name):
        next_step = "That is more than one in five, so rows may have been lost. Nothing of them was removed. "
        return Verdict(known_dead, suspicious, is_stopped=True, why=f"{told} {next_step}{advice}")
    due = tuple(name for name in suspicious if _is_old(by_name[name], now, grace_s))
    waiting = len(suspicious) - len(due)
    next_step = f"{len(due)} are removed, {waiting} are younger than {grace_s:g} s and wait."
    return Verdict(tuple(sorted(known_dead + due)), suspicious, why=f"{told} {next_step}")


def _named(names: tuple[str, ...]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _is_old(resource: Resource, now: datetime, grace_s: float) -> bool:
    return resource.created_at is None or resource.created_at + timedelta(seconds=grace_s) <= now
