"""One attempt at one job, whoever has claimed it: its handler is asked, and what became of it is written."""

import threading
from collections.abc import Callable, Mapping

import structlog

from llmanager.jobs.entities import LEASE_S, Job, Progress
from llmanager.jobs.errors import JobCancelled, JobInterrupted, JobLost
from llmanager.jobs.ports import Handler
from llmanager.jobs.usecases.end import end_cancelled, fail, finish, give_back
from llmanager.jobs.usecases.queue import Queue
from llmanager.jobs.usecases.report import report
from llmanager.kernel.errors import LLManagerError, NotSupported, Retryable
from llmanager.kernel.origin import origin_of

HEARTBEAT_S = LEASE_S / 3
WRITE_EVERY_S = 1.0

log = structlog.get_logger()


class JobReport:
    """The Reporter of one attempt at one job: `tell` is the handler's, the rest the workers'."""

    def __init__(self, queue: Queue, job: Job) -> None:
        self.job = job
        self.progress = job.progress
        self.is_interrupted = False
        self._queue = queue
        self._written_s: float | None = None
        self._writing = threading.Lock()

    def tell(self, progress: Progress) -> None:
        if self.is_interrupted:
            raise JobInterrupted
        self.progress = progress
        try:
            if self._written_s is None or self._queue.clock.monotonic_s() - self._written_s >= WRITE_EVERY_S:
                self.renew()
            elif self._queue.held(self.job).is_cancel_asked:
                raise JobCancelled
        except Retryable as error:  # the work itself is not in doubt
            log.warning("the progress of a job could not be noted", job=self.job.id, why=error.code)

    def renew(self) -> None:
        """Raises JobCancelled, JobLost, Retryable."""
        with self._writing:
            self._written_s = self._queue.clock.monotonic_s()
            self.job = report(self._queue, self.job, self.progress)
        if self.job.is_cancel_asked:
            raise JobCancelled

    def is_quiet(self) -> bool:
        """Whether it is time to renew the lease for a handler that says nothing."""
        until = self.job.held_until
        return until is not None and (until - self._queue.clock.now()).total_seconds() <= LEASE_S - HEARTBEAT_S


def attempt(queue: Queue, handlers: Mapping[str, Handler], running: JobReport) -> None:
    """Raises JobLost where another worker has the job by now, and what is Retryable where its end cannot be noted."""
    job = running.job
    try:
        if running.is_interrupted:
            raise JobInterrupted
        result = _handler(handlers, job)(job, running)
        finish(queue, job, result, running.progress)
    except JobCancelled:
        end_cancelled(queue, job)
    except JobInterrupted:
        give_back(queue, job)
    except LLManagerError as error:
        if running.is_interrupted and isinstance(error, Retryable):  # it fails because everything ends here
            give_back(queue, job)
        else:
            fail(queue, job, error)
    except JobLost:
        raise
    except Exception as error:  # noqa: BLE001 (the outermost loop of a handler)
        _log_failure(job, error)
        fail(queue, job, _broke(job))


def guarded(step: Callable[[JobReport], object], running: JobReport) -> None:
    """What could not be written leaves a lease that runs out: the job is done again then."""
    try:
        step(running)
    except JobLost:
        log.warning("a job was taken over by another worker", job=running.job.id)
    except LLManagerError as error:
        log.warning("the state of a job could not be noted", job=running.job.id, why=error.code)
    except Exception as error:  # noqa: BLE001 (the outermost loop: one broken job must not end its thread)
        _log_failure(running.job, error)


def _handler(handlers: Mapping[str, Handler], job: Job) -> Handler:
    if job.kind not in handlers:
        raise NotSupported("This server does not know how to do this kind of job. Submit it to one that does.")
    return handlers[job.kind]


def _broke(job: Job) -> LLManagerError:
    return LLManagerError(
        "Something went wrong in this server while it did the job; what was sent may be fine. Submit it again. If it "
        f"keeps happening, report the job id {job.id}."
    )


def _log_failure(job: Job, error: Exception) -> None:
    log.error(
        "job_failed",
        job=job.id,
        kind=job.kind,
        error=type(error).__qualname__,
        where=origin_of(error),
    )
