"""The ways in which a held job leaves its worker. All raise JobLost where it is another's by now."""

from collections.abc import Callable, Mapping
from typing import Any

from llmanager.jobs import queueing
from llmanager.jobs.entities import Failure, Job, Progress
from llmanager.jobs.usecases.queue import Queue
from llmanager.kernel.errors import LLManagerError, Retryable


def finish(queue: Queue, job: Job, result: Mapping[str, Any], progress: Progress) -> Job:
    """Done, even where it was to be cancelled meanwhile. `result`: JSON without floats. Raises ResultTooLarge."""
    queueing.check_result(result)
    last = queueing.cut(progress)
    return _end(queue, job, lambda now: queueing.finished(now, result, last, queue.clock.now()))


def fail(queue: Queue, job: Job, error: LLManagerError) -> Job:
    """What is Retryable is tried again later, a number of times."""
    failure = Failure(error.code, str(error))
    if isinstance(error, Retryable):
        wait_s = error.retry_after_s
        return _end(queue, job, lambda now: queueing.put_off(now, failure, wait_s, queue.clock.now()))
    return _end(queue, job, lambda now: queueing.failed(now, failure, queue.clock.now()))


def give_back(queue: Queue, job: Job) -> Job:
    """Its worker ends: the next one goes on at once."""
    return _end(queue, job, lambda now: queueing.given_back(now, queue.clock.now()))


def end_cancelled(queue: Queue, job: Job) -> Job:
    return _end(queue, job, lambda now: queueing.cancelled(now, queue.clock.now()))


def _end(queue: Queue, job: Job, to: Callable[[Job], Job]) -> Job:
    return queue.change(lambda: queue.held(job), to)
