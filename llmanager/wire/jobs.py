"""POST /jobs/*: requests and answers."""

from typing import Annotated, Any, Literal

from pydantic import Field

from llmanager.wire.base import Cursor, Limit, Request, Response, Time

Id = Annotated[str, Field(min_length=1, max_length=64)]
WaitSeconds = Annotated[
    int, Field(ge=0, le=60, description="for the job to be over; not at all while very many wait already")
]


class JobStatus(Request):
    job_id: Id
    wait_s: WaitSeconds = 0


class CancelJob(Request):
    job_id: Id


class ListJobs(Request):
    limit: Limit = 100
    cursor: Cursor | None = None


class JobRef(Response):
    """What a route answers that has submitted a job."""

    job_id: str
    status: str


class Progress(Response):
    done: int
    total: int | None  # null: not known yet
    unit: str
    stage: str


class Failure(Response):
    code: str
    message: str


class Job(Response):
    job_id: str
    kind: str
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: Progress
    result: dict[str, Any] | None  # when done
    error: Failure | None  # when failed; while queued: why it is tried again
    created_at: Time
    started_at: Time | None
    ended_at: Time | None
    attempts: int


class JobList(Response):
    jobs: list[Job]
    cursor: str | None
