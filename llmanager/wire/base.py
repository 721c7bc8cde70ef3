"""What shapes share: strict types, no unknown fields, names, texts, pages, RFC 3339 times."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic_core import PydanticCustomError

from llmanager.kernel.pages import MAX_PAGE


class Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, protected_namespaces=())


class Response(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


def unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PydanticCustomError("unicode", "Text must be Unicode without lone surrogates.") from error
    return text


def rfc3339(at: datetime) -> str:
    """2026-11-20T12:00:00.000Z"""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Text = Annotated[str, AfterValidator(unicode)]
Name = Annotated[str, Field(min_length=1, max_length=63)]
Lifetime = Annotated[int, Field(ge=1, le=10 * 365 * 24 * 3600)]  # seconds
Time = Annotated[datetime, PlainSerializer(rfc3339, return_type=str)]
Limit = Annotated[int, Field(ge=1, le=MAX_PAGE)]
Cursor = Annotated[str, Field(max_length=256)]
