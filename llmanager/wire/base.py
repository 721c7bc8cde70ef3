"""What every shape shares: strict types, no unknown fields, RFC 3339 times."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict


class Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, protected_namespaces=())


class Response(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


def rfc3339(at: datetime | None) -> str | None:
    """2026-11-20T12:00:00.000Z"""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
