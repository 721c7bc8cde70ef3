"""What becomes of a job: pure decisions. Every function returns the job as it is to be from now on."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from llmanager.jobs.entities import (
    LEASE_S,
    MAX_ATTEMPTS,
    MAX_DEATHS,
    MAX_MESSAGE_CHARS,
    MAX_PAYLOAD_BYTES,
    MAX_RESULT_BYTES,
    MAX_STAGE_CHARS,
    Failure,
    Job,
    JobState,
    Progress,
)
from llmanager.jobs.errors import PayloadTooLarge, ResultTooLarge

FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 300.0
DIED = Failure(
    "job_died",
    f"The job was begun {MAX_DEATHS} times, and each time the server ended or lost its disk while it ran: perhaps it "
    "needs more memory than there is. Submit it in smaller parts.",
)


def due_at(job: Job) -> datetime:
    """When a worker should look at it: it may begin, or whoever holds it has been silent for too long."""
    return job.held_until if job.state is JobState.RUNNING and job.held_until else job.due_at


def claimed(job: Job, holder: str, now: datetime) -> Job:
    """For a job that is due: held by `holder`; or over, where those who held it died too often or it was cancelled."""
    if job.state is JobState.RUNNING:
        job = after_death(job, now)
    if job.state.is_over:
        return job
    return replace(
        job,
        state=JobState.RUNNING,
        attempts=job.attempts + 1,
        started_at=job.started_at or now,
        holder=holder,
        held_until=now + timedelta(seconds=LEASE_S),
        failure=None,
    )


def renewed(job: Job, progress: Progress, now: datetime) -> Job:
    return replace(job, progress=progress, held_until=now + timedelta(seconds=LEASE_S))


def finished(job: Job, result: Mapping[str, Any], progress: Progress, now: datetime) -> Job:
    return _over(replace(job, progress=progress, result=result), JobState.DONE, now)


def cancelled(job: Job, now: datetime) -> Job:
    return _over(replace(job, failure=None), JobState.CANCELLED, now)


def cancel_asked(job: Job, now: datetime) -> Job:
    """What waits is over at once; who works on it is asked to end."""
    match job.state:
        case JobState.QUEUED:
            return cancelled(job, now)
        case JobState.RUNNING:
            return replace(job, is_cancel_asked=True)
        case _:
            return job


def failed(job: Job, failure: Failure, now: datetime) -> Job:
    cut = replace(failure, message=failure.message[:MAX_MESSAGE_CHARS])
    return _over(replace(job, failure=cut), JobState.FAILED, now)


def put_off(job: Job, failure: Failure, retry_after_s: float, now: datetime) -> Job:
    """After a failure that may mend: queued again for later; over where that was the last attempt, or it was cancelled.

    The pauses double, from FIRST_PAUSE_S to LONGEST_PAUSE_S; a longer `retry_after_s` counts, up to that.
    """
    if job.is_cancel_asked:
        return cancelled(job, now)
    if job.attempts >= MAX_ATTEMPTS:
        return failed(job, replace(failure, message=f"{failure.message} (Tried {job.attempts} times.)"), now)
    pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S * 2 ** (job.attempts - 1), retry_after_s))
    return replace(_queued(job, now + timedelta(seconds=pause_s)), failure=failure)


def given_back(job: Job, now: datetime) -> Job:
    """Its worker ends in good order: the attempt does not count."""
    return cancelled(job, now) if job.is_cancel_asked else replace(_queued(job, now), attempts=job.attempts - 1)


def after_death(job: Job, now: datetime) -> Job:
    """Whoever held it is gone: due at once, unless that happened too often."""
    job = replace(job, deaths=job.deaths + 1)
    if job.is_cancel_asked:
        return cancelled(job, now)
    return failed(job, DIED, now) if job.deaths >= MAX_DEATHS else _queued(job, now)


def cut(progress: Progress) -> Progress:
    return replace(progress, unit=progress.unit[:MAX_STAGE_CHARS], stage=progress.stage[:MAX_STAGE_CHARS])


def check_payload(payload: Mapping[str, Any]) -> None:
    """Raises PayloadTooLarge."""
    if (size := _size_bytes(payload)) > MAX_PAYLOAD_BYTES:
        raise PayloadTooLarge(size)


def check_result(result: Mapping[str, Any]) -> None:
    """Raises ResultTooLarge."""
    if (size := _size_bytes(result)) > MAX_RESULT_BYTES:
        raise ResultTooLarge(size)


def _queued(job: Job, at: datetime) -> Job:
    return replace(job, state=JobState.QUEUED, due_at=at, holder="", held_until=None)


def _over(job: Job, state: JobState, now: datetime) -> Job:
    return replace(job, state=state, ended_at=now, holder="", held_until=None)


def _size_bytes(value: Mapping[str, Any]) -> int:
    return len(json.dumps(dict(value), ensure_ascii=False).encode())
