"""The threads that do jobs: they wait for news of the queue, or for the time when its next job falls due."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime

import structlog

from llmanager.jobs.entities import Key
from llmanager.jobs.errors import JobCancelled
from llmanager.jobs.ports import Handler
from llmanager.jobs.usecases.claim import claim, next_due
from llmanager.jobs.usecases.end import give_back
from llmanager.jobs.usecases.queue import Queue
from llmanager.jobs.usecases.recover import recover
from llmanager.kernel.errors import LLManagerError, Retryable
from llmanager.kernel.origin import origin_of
from llmanager.wiring.serving.job_attempts import HEARTBEAT_S, JobReport, attempt, guarded
from llmanager.wiring.serving.waiters import Waiters

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
            guarded(self._give_back, running)
        for thread in self._threads:
            if thread.ident is not None and not late:
                thread.join(CLOSE_S)

    def tend(self) -> None:
        """Renew the leases of handlers that say nothing."""
        for running in list(self._running.values()):
            if running.is_quiet():
                with suppress(JobCancelled):  # the handler hears of it from its own `tell`
                    guarded(JobReport.renew, running)

    def _beat(self) -> None:
        while not self._is_closing:
            self.tend()
            with self._changed:
                self._changed.wait_for(lambda: self._is_closing, timeout=self._heartbeat_s)

    def _work(self) -> None:
        while (running := self._next()) is not None:
            try:
                guarded(self._do, running)
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
        attempt(self._queue, self._handlers, running)

    def _give_back(self, running: JobReport) -> None:
        give_back(self._queue, running.job)
