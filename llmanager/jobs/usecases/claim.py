from datetime import datetime

from llmanager.jobs import rows
from llmanager.jobs.entities import Job
from llmanager.jobs.queueing import claimed, due_at
from llmanager.jobs.usecases.queue import Queue
from llmanager.kernel.errors import Conflict

AT_ONCE = 20  # candidates: more than there are workers who could take them first


def claim(queue: Queue) -> Job | None:
    """A job that is due, held by the caller alone from now on; None where there is none for now.

    It is lost again unless it is renewed within LEASE_S.
    """
    now = queue.clock.now()
    for row in queue.table.query(rows.DUE, until=rows.due_until(now), limit=AT_ONCE).rows:
        job = queue.find(rows.key_in(row))
        if job is None or job.state.is_over or due_at(job) > now:
            continue  # somebody else was there since the rows were read
        try:
            job = queue.save(job, claimed(job, queue.new_id(), now))
        except Conflict:
            continue
        if not job.state.is_over:
            return job
    return None


def next_due(queue: Queue) -> datetime | None:
    """When there is something to claim; None: not before something changes."""
    first = queue.table.query(rows.DUE, limit=1).rows
    return rows.time_in(first[0]) if first else None
