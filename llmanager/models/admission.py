"""Who must sleep so that a replica fits in memory. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from llmanager.models.entities import Memory

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Tenure:
    """How a resident is used."""

    last_used_at: datetime | None
    is_held: bool
    may_sleep: bool


def to_put_to_sleep(need_mib: int, memory: Memory, tenures: Mapping[str, Tenure]) -> tuple[str, ...] | None:
    """The least recently used residents whose sleep makes room, none more than needed; () if it fits already.

    None: even with every idle resident asleep there is not enough. A resident without a tenure is left alone.
    """
    free_mib = memory.free_mib
    chosen: list[str] = []
    idle = [r for r in memory.residents if _is_idle(tenures.get(r.resource))]
    for resident in sorted(idle, key=lambda r: tenures[r.resource].last_used_at or _LONG_AGO):
        if free_mib >= need_mib:
            break
        chosen.append(resident.resource)
        free_mib += resident.memory_mib
    return tuple(chosen) if free_mib >= need_mib else None


def _is_idle(tenure: Tenure | None) -> bool:
    return tenure is not None and tenure.may_sleep and not tenure.is_held
