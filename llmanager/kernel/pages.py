"""One page of a list, and the opaque cursor that asks for the next."""

import base64
import binascii
from dataclasses import dataclass
from typing import Generic, TypeVar

from llmanager.kernel.errors import InvalidInput

T = TypeVar("T")
MAX_PAGE = 200


@dataclass(frozen=True)
class Page(Generic[T]):
    items: tuple[T, ...]
    cursor: str | None = None  # None: this was the last page


def to_cursor(sort: str | None) -> str | None:
    return None if sort is None else base64.urlsafe_b64encode(sort.encode()).decode().rstrip("=")


def from_cursor(cursor: str | None) -> str | None:
    """The sort key to go on after. Raises InvalidInput for text that no list of ours gave out."""
    if cursor is None:
        return None
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise InvalidInput(
            "'cursor' is not one that a list gave out. Start without a cursor.", param="cursor"
        ) from error
