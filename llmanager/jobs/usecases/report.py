from llmanager.jobs.entities import Job, Progress
from llmanager.jobs.queueing import cut, renewed
from llmanager.jobs.usecases.queue import Queue


def report(queue: Queue, job: Job, progress: Progress) -> Job:
    """Note how far a held job is, and hold it for LEASE_S more. Raises JobLost."""
    return queue.change(lambda: queue.held(job), lambda now: renewed(now, cut(progress), queue.clock.now()))
