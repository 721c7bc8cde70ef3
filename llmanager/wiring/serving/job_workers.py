"""The threads that do jobs: they wait for news of the queue, or for the time when its next job falls due."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime

import structlog

from llmanager.jobs.entities import LEASE_S, Job, Key, Progress
from llmanager.jobs.errors import JobCancelled, JobInterrupted, JobLost
from llmanager.jobs.ports import Handler
from llmanager.jobs.usecases.claim import claim, next_due
from llmanager.jobs.usecases.end import end_cancelled, fail, finish, give_back
from llmanager.jobs.usecases.queue import Queue
from llmanager.jobs.usecases.recover import recover
from llmanager.jobs.usecases.report import report
from llmanager.kernel.errors import LLManagerError, NotSupported, Retryable
from llmanager.kernel.origin import origin_of
from llmanager.wiring.serving.waiters import Waiters

HEARTBEAT_S = LEASE_S / 3
WRITE_EVERY_S = 1.0
RETRY_S = 1.0  # where the queue cannot be read
SOONEST_S = 0.01
LONGEST_S = 60.0  # of one wait: the wall clock, by which jobs fall due, may jump
CLOSE_S = 4.0

log = structlog.get_logger()


class JobNews:
    """As a queue's `changed`: carries news to the workers and to requests that wait; both are made after the queue."""

    def __init__(self) -> None:
        self.waiters = Waiters()
        self._poke: Callable[[], None] = lambda: None

    def connect(self, workers: "JobWorkers") -> None:
        self._poke = workers.poke

    def __call__(self, key: Key) -> None:
        self._poke()
        self.waiters.tell(key)


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


class JobWorkers:
    """Does the jobs of a queue with the handler of their kind, `workers` of them at once."""

    def __init__(
        self, queue: Queue, handlers: Mapping[str, Handler], *, workers: int = 2, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._queue, self._handlers, self._heartbeat_s = queue, handlers, heartbeat_s
        self._running: dict[str, JobReport] = {}  # by holder: a job that was lost may be here twice
        self._changed = threading.Condition()
        self._news = 0
        self._is_closing = False
        works = [self._beat, *[self._work] * workers]
        self._threads = [threading.Thread(target=w, name=f"jobs-{n}", daemon=True) for n, w in enumerate(works)]

    def start(self) -> None:
        try:
            recover(self._queue)  # the home is ours alone, so whoever held one is dead
        except Retryable as error:  # such as a full disk: reading goes on, and leases run out
            log.warning("jobs of the last server are not due yet", why=error.code)
        for thread in self._threads:
            thread.start()

    def poke(self) -> None:
        """Something changed in the queue. From any thread."""
        with self._changed:
            self._news += 1
            self._changed.notify_all()

    def interrupt(self) -> None:
        """No job begins any more, and handlers are told to end when they next report."""
        with self._changed:
            self._is_closing = True
            for running in self._running.values():
                running.is_interrupted = True
            self._changed.notify_all()

    def close(self) -> None:
        """Handlers are interrupted; the job of one that does not end in time goes back to the queue as well."""
        self.interrupt()
        with self._changed:
            self._changed.wait_for(lambda: not self._running, timeout=CLOSE_S)
            late = list(self._running.values())
        for running in late:
            log.warning("a job did not end in time and will be done again", job=running.job.id, kind=running.job.kind)
            self._guarded(self._give_back, running)
        for thread in self._threads:
            if thread.ident is not None and not late:
                thread.join(CLOSE_S)

    def tend(self) -> None:
        """Renew the leases of handlers that say nothing."""
        for running in list(self._running.values()):
            if running.is_quiet():
                with suppress(JobCancelled):  # the handler hears of it from its own `tell`
                    self._guarded(JobReport.renew, running)

    def _beat(self) -> None:
        while not self._is_closing:
            self.tend()
            with self._changed:
                self._changed.wait_for(lambda: self._is_closing, timeout=self._heartbeat_s)

    def _work(self) -> None:
        while (running := self._next()) is not None:
            try:
                self._guarded(self._do, running)
            finally:
                with self._changed:
                    del self._running[running.job.holder]
                    self._changed.notify_all()

    def _next(self) -> JobReport | None:
        """The next job that is due, held by this thread; None when the workers close."""
        while True:
            with self._changed:
                if self._is_closing:
                    return None
                news = self._news
            running, wait_s = self._look()
            if running is not None:
                return running
            self._wait(news, wait_s)

    def _wait(self, news: int, timeout_s: float) -> None:
        """Until there are others than these, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closing or self._news != news, timeout=timeout_s)

    def _look(self) -> tuple[JobReport | None, float]:
        """What was claimed, else how long to wait without news."""
        try:
            # First, because the wall clock jumps when a laptop wakes up: what runs here must not look abandoned.
            self.tend()
            job = claim(self._queue)
            if job is None:
                return None, self._wait_s(next_due(self._queue))
        except LLManagerError as error:
            log.warning("the queue of jobs could not be read and will be again", why=error.code)
        except Exception as error:  # noqa: BLE001 (the outermost loop: one broken row must not end it)
            log.error("looking for jobs broke", error=type(error).__qualname__, where=origin_of(error))
        else:
            with self._changed:
                running = self._running[job.holder] = JobReport(self._queue, job)
                running.is_interrupted = self._is_closing
            return running, 0.0
        return None, RETRY_S

    def _wait_s(self, due: datetime | None) -> float:
        wait_s = LONGEST_S if due is None else (due - self._queue.clock.now()).total_seconds()
        return min(LONGEST_S, max(SOONEST_S, wait_s))

    def _do(self, running: JobReport) -> None:
        queue, job = self._queue, running.job
        try:
            if running.is_interrupted:
                raise JobInterrupted
            result = self._handler(job)(job, running)
            finish(queue, job, result, running.progress)
        except JobCancelled:
            end_cancelled(queue, job)
        except JobInterrupted:
            self._give_back(running)
        except LLManagerError as error:
            if running.is_interrupted and isinstance(error, Retryable):  # it fails because everything ends here
                self._give_back(running)
            else:
                fail(queue, job, error)
        except JobLost:
            raise
        except Exception as error:  # noqa: BLE001 (the outermost loop of a handler)
            _log_failure(job, error)
            fail(queue, job, _broke(job))

    def _handler(self, job: Job) -> Handler:
        if job.kind not in self._handlers:
            raise NotSupported("This server does not know how to do this kind of job. Submit it to one that does.")
        return self._handlers[job.kind]

    def _give_back(self, running: JobReport) -> None:
        give_back(self._queue, running.job)

    def _guarded(self, step: Callable[[JobReport], object], running: JobReport) -> None:
        """What could not be written leaves a lease that runs out: the job is done again then."""
        try:
            step(running)
        except JobLost:
            log.warning("a job was taken over by another worker", job=running.job.id)
        except LLManagerError as error:
            log.warning("the state of a job could not be noted", job=running.job.id, why=error.code)
        except Exception as error:  # noqa: BLE001 (the outermost loop: one broken job must not end its thread)
            _log_failure(running.job, error)


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
