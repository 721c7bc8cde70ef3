"""What a job is. Its payload means something to its handler only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True)
class Progress:
    done: int = 0
    total: int | None = None  # None: not known yet
    unit: str = ""  # "documents", "chunks"
    stage: str = ""  # what is being done, for people


@dataclass(frozen=True)
class Failure:
    code: str
    message: str


@dataclass(frozen=True)
class Job:
    tenant: str
    id: str  # text order is order of submission
    kind: str  # "vdb.ingest", …
    key_id: str  # of the API key that asked: what it does is metered to it
    payload: Mapping[str, Any]  # JSON without floats
    state: JobState
    created_at: datetime
    due_at: datetime  # not before; later ones after a failure that may mend
    progress: Progress = field(default_factory=Progress)
    result: Mapping[str, Any] | None = None  # JSON without floats, when done
    failure: Failure | None = None  # when failed; while queued: why it is tried again
    attempts: int = 0
    is_cancel_asked: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None
    holder: str = ""  # who works on it
    held_until: datetime | None = None
    version: int = 0
