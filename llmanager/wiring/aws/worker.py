"""The function that does jobs: one after another while there are some and time for another."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from llmanager.jobs.entities import Job, JobState
from llmanager.jobs.errors import JobCancelled
from llmanager.jobs.ports import Handler
from llmanager.jobs.usecases.claim import claim
from llmanager.jobs.usecases.end import give_back
from llmanager.kernel.errors import LLManagerError
from llmanager.wiring.aws.job_queue import JobQueue
from llmanager.wiring.aws.time_left import TimeLeft
from llmanager.wiring.serving.job_attempts import JobReport, attempt, guarded

BEGIN_S = 60.0  # a job begins only with more time than this left
INTERRUPT_S = 30.0  # with so much left its handler is told to end
ABANDON_S = 5.0  # and with so much the job is given back, whatever its handler does
LOOK_EVERY_S = 1.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Worker:
    queue: JobQueue
    handlers: Mapping[str, Handler]
    time_left: TimeLeft  # until AWS ends this invocation
    look_every_s: float = LOOK_EVERY_S

    def serve(self, event: Mapping[str, Any], left_s: float) -> dict[str, Any]:
        """Of messages that each say no more than that there is work. What SQS is to send again is in the answer."""
        self.time_left.begin(left_s)
        try:
            while self.time_left.seconds() > BEGIN_S:
                job = claim(self.queue.jobs)
                if job is None:
                    return {"batchItemFailures": []}
                self._do(job)
        except LLManagerError as error:
            log.warning("the queue of jobs could not be read and will be again", why=error.code)
            return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}
        self.queue.poke_overdue()
        return {"batchItemFailures": []}

    def _do(self, job: Job) -> None:
        running = JobReport(self.queue.jobs, job)
        work = threading.Thread(target=partial(self._attempt, running), name="job", daemon=True)
        work.start()
        while work.is_alive() and self.time_left.seconds() > ABANDON_S:
            work.join(self.look_every_s)
            running.is_interrupted |= self.time_left.seconds() <= INTERRUPT_S
            if work.is_alive() and running.is_quiet():
                with suppress(JobCancelled):  # the handler hears of it from its own `tell`
                    guarded(JobReport.renew, running)
        if work.is_alive():
            log.warning("a job did not end in time and will be done again", job=job.id, kind=job.kind)
            guarded(partial(_given_back, self.queue), running)
        self._tell_of_retry(job)

    def _attempt(self, running: JobReport) -> None:
        guarded(partial(attempt, self.queue.jobs, self.handlers), running)

    def _tell_of_retry(self, job: Job) -> None:
        """One that waits again has a message of its own, for when it is due."""
        now = self.queue.jobs.find(job.key)
        if now is not None and now.state is JobState.QUEUED:
            self.queue.poke(now.key, delay_s=_seconds_until(now.due_at, self.queue.jobs.clock.now()))


def _given_back(queue: JobQueue, running: JobReport) -> None:
    running.is_interrupted = True
    give_back(queue.jobs, running.job)


def _seconds_until(at: datetime, now: datetime) -> float:
    return max(0.0, (at - now).total_seconds())
