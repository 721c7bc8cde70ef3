"""What a job is. Its payload means something to its handler only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

MAX_PAYLOAD_BYTES = 128 * 1024  # as JSON; what is larger is a file, and the payload names it
MAX_RESULT_BYTES = 128 * 1024  # as JSON
MAX_OPEN_JOBS = 1000  # of one tenant, queued and running; some more where many are submitted in the same moment
MAX_STAGE_CHARS = 200  # of Progress.stage and .unit; what is longer is cut
MAX_MESSAGE_CHARS = 2000  # of Failure.message; what is longer is cut
MAX_ATTEMPTS = 8  # of a job that fails for reasons that may mend: about ten minutes
MAX_DEATHS = 5  # of a job during which its worker vanishes
LEASE_S = 60.0  # a worker that is silent for that long has lost its job
KEEP_S = 7 * 86_400  # what is over is forgotten after that

Key = tuple[str, str]  # tenant, id


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
    lane: str = ""  # the tenant's jobs of one lane run one after another, in order of submission
    progress: Progress = field(default_factory=Progress)
    result: Mapping[str, Any] | None = None  # JSON without floats, when done
    failure: Failure | None = None  # when failed; while queued: why it is tried again
    attempts: int = 0
    deaths: int = 0  # attempts that ended without a word, since it last got further
    furthest: int = 0  # the most that any attempt had done
    pardoned: int = 0  # attempts that do not count any more: a later one got further
    is_cancel_asked: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None
    holder: str = ""  # who works on it
    held_until: datetime | None = None
    version: int = 0

    @property
    def key(self) -> Key:
        return self.tenant, self.id


@dataclass(frozen=True)
class Lane:
    """The jobs of one lane that are not over, in order of submission. Only the first may run."""

    tenant: str
    name: str
    ids: tuple[str, ...] = ()
    version: int = 0  # 0: there is no row
