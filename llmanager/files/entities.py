"""A file: announced first, then uploaded; there for others only once all of it is."""

import hashlib
import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from llmanager.kernel.errors import InvalidInput

MAX_FILENAME_BYTES = 512  # UTF-8, slashes counted
MAX_PART_BYTES = 255  # of a file's name between two slashes
MAX_OPEN_UPLOADS = 1000  # announced and not finished, of one tenant
MAX_UPLOADS_AT_ONCE = 8  # bodies that come in at the same time, of all tenants: each keeps a thread
UPLOAD_S = 6 * 3600  # from the announcement to the end of the upload
ADDRESS_S = 3600  # from the announcement to the beginning of an upload that goes past us
TAKE_IN_S = 60  # until somebody else may take in what came past us, if who does so has died
REPLACED_KEEP_S = 86_400  # a file whose name another upload took can be read by its id for that long

UNWANTED = frozenset({"Cc", "Cs", "Zl", "Zp"})  # categories: control characters, lone surrogates, ends of lines
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class FileState(StrEnum):
    ANNOUNCED = "announced"
    READY = "ready"


@dataclass(frozen=True)
class File:
    tenant: str
    id: str
    filename: str  # like a path: "bucket/folder/name.txt"
    size_bytes: int  # as announced, and exactly so once it is ready
    state: FileState
    created_at: datetime
    expires_at: datetime | None  # announced: until then the upload must be over; ready: its end, None: never
    ttl_s: int | None = None  # from when it is ready
    sha256: str | None = None  # hex, when ready
    blob: str | None = None  # where the newest upload goes, or went: no other blob of this file counts
    taken_in_until: datetime | None = None  # until then somebody is copying what came past us
    version: int = 0


@dataclass(frozen=True)
class Announced:
    """A file that is to come, and the secret that lets its bytes in: it exists once, in the answer to whoever asked.

    The secret is a token to send the bytes to us with, or else an address to send them to.
    """

    file: File
    token: str = field(repr=False)
    until: datetime
    address: str | None = field(default=None, repr=False)


def composed(text: str) -> str:
    """Unicode's composed form, in which names that look the same are the same bytes, whatever system sent them."""
    return unicodedata.normalize("NFC", text)


def checked_filename(filename: str) -> str:
    """Raises InvalidInput."""
    name = composed(filename)
    if UNWANTED & set(map(unicodedata.category, name)) or "\\" in name:
        raise _bad("has a control character or a backslash")
    parts = name.split("/")
    if any(part in ("", ".", "..") or part != part.strip() for part in parts):
        raise _bad("has a part that is empty, '.', '..', or begins or ends with a space")
    if len(name.encode()) > MAX_FILENAME_BYTES or max(len(part.encode()) for part in parts) > MAX_PART_BYTES:
        raise _bad(f"is over {MAX_FILENAME_BYTES} bytes, or one of its parts is over {MAX_PART_BYTES}")
    return name


def random_token() -> str:
    """43 url-safe characters: 256 bits."""
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _bad(why: str) -> InvalidInput:
    return InvalidInput(f"'filename' {why}. Give a name such as 'docs/2026/report.pdf'.", param="filename")
