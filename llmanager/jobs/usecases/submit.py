from collections.abc import Mapping
from typing import Any, Protocol

from llmanager.jobs.entities import MAX_OPEN_JOBS, Job, JobState, Lane
from llmanager.jobs.errors import TooManyJobs
from llmanager.jobs.queueing import check_payload
from llmanager.jobs.usecases.queue import ATTEMPTS, Queue
from llmanager.kernel.errors import Conflict, Throttled
from llmanager.kernel.ids import time_ordered_id
from llmanager.kernel.principal import Principal


class Submit(Protocol):
    """`submit` with its queue."""

    def __call__(self, *, caller: Principal, kind: str, payload: Mapping[str, Any], lane: str) -> Job: ...


def submit(queue: Queue, *, caller: Principal, kind: str, payload: Mapping[str, Any], lane: str) -> Job:
    """A job that is done some time, at least once. The caller's jobs of one lane are done in order of submission.

    `payload`: JSON without floats. Raises PayloadTooLarge, TooManyJobs.
    """
    check_payload(payload)
    now = queue.clock.now()
    job = Job(
        tenant=caller.tenant,
        id=time_ordered_id(now, queue.new_id),
        kind=kind,
        key_id=caller.key_id,
        payload=payload,
        state=JobState.QUEUED,
        created_at=now,
        due_at=now,
        lane=lane,
    )
    for _ in range(ATTEMPTS):
        lanes = list(queue.lanes(caller.tenant))
        if sum(len(one.ids) for one in lanes) >= MAX_OPEN_JOBS:
            raise TooManyJobs
        own = next((one for one in lanes if one.name == lane), Lane(caller.tenant, lane))
        try:
            return queue.add(job, own)
        except Conflict:
            continue  # others joined or left the lane
    raise Throttled("Too many submit jobs of this kind at once. Try again.")
