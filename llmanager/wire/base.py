"""What every shape shares: strict types, no unknown fields, RFC 3339 times."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict


class Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, protected_namespaces=())


class Response(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


def rfc3339_always(at: datetime) -> str:
    """2026-11-20T12:00:00.000Z"""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rfc3339(at: datetime | None) -> str | None:
    return None if at is None else rfc3339_always(at)
