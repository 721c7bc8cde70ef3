"""After a crash: nobody holds anything any more. Only for a platform where one server at a time has the queue."""

from functools import partial

from llmanager.jobs import rows
from llmanager.jobs.entities import Job, JobState
from llmanager.jobs.queueing import after_death
from llmanager.jobs.usecases.queue import Queue
from llmanager.kernel.table import rows_in


def recover(queue: Queue) -> int:
    """Jobs that the last server held when it died are due at once; how many. Call before any worker starts.

    Without it they would wait until their leases run out. Raises Retryable.
    """

    def died(job: Job) -> Job:
        return after_death(job, queue.clock.now()) if job.state is JobState.RUNNING else job

    count = 0
    for row in rows_in(queue.table, rows.DUE):
        key = rows.key_in(row)
        job = queue.find(key)
        if job is not None and job.state is JobState.RUNNING:
            queue.change(partial(queue.require, key), died)
            count += 1
    return count
