"""Tags of AWS resources from ours and back. Pure.

A time that a resource no longer has is overwritten by "none", for adding tags is one call and removing them another.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from llmanager.models.entities import Tags

STAGE: Final = "llmanager:stage"
TENANT: Final = "llmanager:tenant"
NAME: Final = "llmanager:name"
GENERATION: Final = "llmanager:generation"
EXPIRES_AT: Final = "llmanager:expires_at"
TTL_AT: Final = "llmanager:ttl_at"
INSTALLATION: Final = "llmanager:installation"
ROLLED: Final = "llmanager:rolled"  # of a component: the revision that was last rolled out, and when that began
NONE: Final = "none"


def written(tags: Tags) -> dict[str, str]:
    """Of a new resource."""
    told = {STAGE: tags.stage, TENANT: tags.tenant, NAME: tags.name, GENERATION: tags.generation}
    told |= {INSTALLATION: tags.installation} if tags.installation else {}
    times = {EXPIRES_AT: tags.expires_at, TTL_AT: tags.ttl_at}
    return told | {key: rfc3339(at) for key, at in times.items() if at is not None}


def rewritten(tags: Tags) -> dict[str, str]:
    """Over those of a resource that has some."""
    return {EXPIRES_AT: NONE, TTL_AT: NONE} | written(tags)


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def read(tags: Mapping[str, str]) -> Tags | None:
    """None: it carries none of ours, or not all that say whose it is."""
    told = [tags.get(key) for key in (STAGE, TENANT, NAME, GENERATION)]
    stage, tenant, name, generation = told
    if stage is None or tenant is None or name is None or generation is None:
        return None
    times = _time(tags.get(EXPIRES_AT)), _time(tags.get(TTL_AT))
    return Tags(stage, tenant, name, generation, *times, tags.get(INSTALLATION, ""))


def rolled(revision: int, at: datetime) -> dict[str, str]:
    return {ROLLED: f"{revision} {rfc3339(at)}"}


def rolled_at(tags: Mapping[str, str], revision: int) -> datetime | None:
    """When the rollout of that revision began. None: it was not, or not as the last one."""
    told, _, at = tags.get(ROLLED, "").partition(" ")
    return _time(at) if told == str(revision) else None


def rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _time(text: str | None) -> datetime | None:
    try:
        at = datetime.fromisoformat(text or NONE)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
