"""What is kept: a chat, and its messages one by one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from llmanager.kernel.table import MAX_ACTIONS

Role = Literal["system", "user", "assistant", "tool", "developer"]
Scalar = str | int | float | bool | None

MAX_MESSAGES = MAX_ACTIONS - 2  # in one request: they are written together with the chat and its counter
MAX_CONTENT_BYTES = 300 * 1024  # of one message, as JSON, which is how it is kept
MAX_TOGETHER_BYTES = 3 * 1024 * 1024  # of the messages of one request
MAX_METADATA_BYTES = 16 * 1024  # as JSON
MAX_PAGE_CHARACTERS = 4_000_000  # a page ends early rather than grow beyond


@dataclass(frozen=True)
class Chat:
    tenant: str
    id: str  # text order is order of creation
    created_at: datetime
    title: str = ""
    metadata: Mapping[str, Scalar] = field(default_factory=dict)
    expires_at: datetime | None = None  # its messages with it


@dataclass(frozen=True)
class NewMessage:
    """A message that has not been kept yet."""

    role: Role
    content: str


@dataclass(frozen=True)
class Message:
    id: str
    role: Role
    content: str
    at: datetime
    seq: int  # grows within a chat; numbers may be missing

    @property
    def last_seq(self) -> int:
        return self.seq

    @property
    def characters(self) -> int:
        return len(self.content)
