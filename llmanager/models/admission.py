"""Who must sleep so that a replica fits in memory. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from llmanager.models.entities import Memory


@dataclass(frozen=True)
class Tenure:
    """How a resident is used."""

    wanted_at: datetime  # last used, created or woken
    is_held: bool
    may_sleep: bool
    is_leaving: bool = False  # told to stop already: its memory is as good as free


def to_put_to_sleep(need_mib: int, memory: Memory, tenures: Mapping[str, Tenure]) -> tuple[str, ...] | None:
    """The least recently wanted residents whose sleep makes room, none more than needed; () if it fits, or soon will.

    None: even with every idle resident asleep there is not enough. A resident without a tenure is left alone.
    """
    known = [r for r in memory.residents if r.resource in tenures]
    free_mib = memory.free_mib + sum(r.memory_mib for r in known if tenures[r.resource].is_leaving)
    chosen: list[str] = []
    idle = [r for r in known if _is_idle(tenures[r.resource])]
    for resident in sorted(idle, key=lambda r: tenures[r.resource].wanted_at):
        if free_mib >= need_mib:
            break
        chosen.append(resident.resource)
        free_mib += resident.memory_mib
    return tuple(chosen) if free_mib >= need_mib else None


def _is_idle(tenure: Tenure) -> bool:
    return tenure.may_sleep and not tenure.is_held and not tenure.is_leaving
