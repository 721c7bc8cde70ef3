from llmanager.jobs.entities import Job, Key
from llmanager.jobs.queueing import cancel_asked
from llmanager.jobs.usecases.queue import Queue


def cancel(queue: Queue, key: Key) -> Job:
    """What waits is over at once; what runs ends when its handler next reports. What is over stays as it is.

    Raises JobNotFound.
    """
    return queue.change(lambda: queue.require(key), lambda job: cancel_asked(job, queue.clock.now()))
