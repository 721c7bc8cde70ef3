"""What every shape shares: strict types, no unknown fields, pages, RFC 3339 times."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from llmanager.kernel.pages import MAX_PAGE


class Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, protected_namespaces=())


class Response(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


def rfc3339(at: datetime) -> str:
    """2026-11-20T12:00:00.000Z"""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Time = Annotated[datetime, PlainSerializer(rfc3339, return_type=str)]
Limit = Annotated[int, Field(ge=1, le=MAX_PAGE)]
Cursor = Annotated[str, Field(max_length=256)]
