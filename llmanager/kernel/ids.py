"""Names that users choose, and ids that we make. Ids come from an injected maker so that a run can be replayed."""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import datetime

from llmanager.kernel.errors import InvalidInput

NewId = Callable[[], str]
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", re.ASCII)


def random_id() -> str:
    """26 lower-case base32 characters, 130 bits."""
    return base64.b32encode(secrets.token_bytes(17)).decode().lower()[:26]


def time_ordered_id(at: datetime, new_id: NewId) -> str:
    """An id whose text order is its time order (to the millisecond): 12 hex digits of time, then 16 random ones."""
    return f"{int(at.timestamp() * 1000):012x}{new_id()[:16]}"


def checked_name(name: str, *, param: str = "name") -> str:
    """The name itself if it fits the pattern. Raises InvalidInput."""
    if not NAME.fullmatch(name):
        raise InvalidInput(
            f"{param!r} must be 1 to 63 letters, digits, '.', '_' or '-', starting and ending with a letter or digit.",
            param=param,
        )
    return name


def resource_name(*, stage: str, tenant: str, name: str, generation: str) -> str:
    """lm-<stage>-<name[:12]>-<8 base32 of sha256>: deterministic, lower case, at most 32 characters."""
    digest = hashlib.sha256(f"{tenant}\0{name}\0{generation}".encode()).digest()
    short = re.sub(r"[^a-z0-9]+", "-", name.lower())[:12].strip("-")
    return f"lm-{stage[:7]}-{short}-{base64.b32encode(digest).decode().lower()[:8]}"
