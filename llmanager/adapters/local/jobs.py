"""Work in child processes: one for each key however many ask for it, a few at a time, the others wait their turn.

A child keeps memory and crashes of conversions and downloads out of the server, can be stopped at any instruction, and
ends with the server (job_child.py is its side).
"""

import contextlib
import json
import subprocess
import tempfile
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Final

import structlog

from llmanager.kernel.clock import Clock

MAX_RUNNING: Final = 2
MAX_UNFINISHED: Final = 32
MAX_REMEMBERED: Final = 256
KEEP_FAILURE_S: Final = 10.0
KEEP_FINAL_FAILURE_S: Final = 300.0
END_WAIT_S: Final = 5.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Running:
    stage: str


@dataclass(frozen=True)
class Failed:
    reason: str
    is_final: bool


@dataclass(frozen=True)
class Done:
    result: Mapping[str, Any]


Outcome = Running | Failed | Done
QUEUED: Final = Running("waiting for another fetch to end")
TOO_MANY: Final = Failed("Too many models are being fetched. Try again when one of them is there.", is_final=False)
CRASHED: Final = Failed(
    "Fetching the model stopped unexpectedly. Try again; the server's log says why.", is_final=False
)


@dataclass(frozen=True)
class Task:
    module: str  # run as `python -m module`
    config: Callable[[], Mapping[str, Any]]  # JSON, asked for when the child starts; goes through a pipe
    keep_s: float  # how long its result is remembered


@dataclass
class _Job:
    task: Task
    outcome: Outcome = QUEUED
    is_started: bool = False
    ended_at_s: float = 0.0
    process: subprocess.Popen[str] | None = field(default=None, repr=False)
    is_dropped: bool = False

    def is_stale(self, now_s: float) -> bool:
        match self.outcome:
            case Running():
                return False
            case Failed(is_final=is_final):
                return now_s - self.ended_at_s >= (KEEP_FINAL_FAILURE_S if is_final else KEEP_FAILURE_S)
            case Done():
                return now_s - self.ended_at_s >= self.task.keep_s


class Jobs:
    def __init__(self, python: str, environment: Mapping[str, str], clock: Clock) -> None:
        self._python = python
        self._environment = dict(environment)
        self._clock = clock
        self._jobs: dict[Hashable, _Job] = {}
        self._threads: set[threading.Thread] = set()
        self._changed = threading.Condition()

    def begin(self, key: Hashable, task: Task) -> Outcome:
        """How far the job is; starts it if it is new or its outcome too old. Returns at once."""
        with self._changed:
            self._forget_stale()
            job = self._jobs.get(key)
            if job is None:
                if sum(isinstance(job.outcome, Running) for job in self._jobs.values()) >= MAX_UNFINISHED:
                    return TOO_MANY
                job = self._jobs[key] = _Job(task)
                self._start_queued()
            return job.outcome

    def wait(self, key: Hashable, timeout_s: float) -> None:
        """Until the job has ended, was dropped, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_running(key), timeout_s)

    def drop(self, key: Hashable) -> None:
        """Stop the job if it runs, and forget how it ended."""
        with self._changed:
            job = self._jobs.pop(key, None)
            if job is not None:
                job.is_dropped = True
                if job.process is not None:
                    job.process.kill()
            self._changed.notify_all()

    def close(self) -> None:
        """Stop every job."""
        with self._changed:
            keys, threads = tuple(self._jobs), tuple(self._threads)
        for key in keys:
            self.drop(key)
        for thread in threads:
            thread.join(END_WAIT_S)

    def _is_running(self, key: Hashable) -> bool:
        job = self._jobs.get(key)
        return job is not None and isinstance(job.outcome, Running)

    def _forget_stale(self) -> None:
        now_s = self._clock.monotonic_s()
        kept = {key: job for key, job in self._jobs.items() if not job.is_stale(now_s)}
        ended = [key for key, job in kept.items() if not isinstance(job.outcome, Running)]
        for key in ended[: max(0, len(ended) - MAX_REMEMBERED)]:  # the oldest
            del kept[key]
        self._jobs = kept

    def _start_queued(self) -> None:
        for job in self._jobs.values():
            if len(self._threads) >= MAX_RUNNING:
                return
            if not job.is_started:
                job.is_started = True
                thread = threading.Thread(target=self._run, args=(job,), name="weights-job", daemon=True)
                self._threads.add(thread)
                thread.start()

    def _run(self, job: _Job) -> None:
        outcome: Outcome = CRASHED
        try:
            outcome = self._run_child(job)
        except OSError as error:  # no process or no temporary file could be had
            _log.error("job_not_started", module=job.task.module, error=str(error))
        finally:
            with self._changed:
                job.outcome, job.process = outcome, None
                job.ended_at_s = self._clock.monotonic_s()
                self._threads.discard(threading.current_thread())
                self._start_queued()
                self._changed.notify_all()

    def _run_child(self, job: _Job) -> Outcome:
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
                [self._python, "-P", "-m", job.task.module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for the server, which then stops its children
                text=True,
                encoding="utf-8",
            )
            with process:
                self._adopt(job, process)
                outcome = self._listen(job, process)
            if outcome is None and not job.is_dropped:
                errors.seek(0)
                tail = errors.read()[-2000:].decode(errors="replace")
                _log.error("job_crashed", module=job.task.module, exit_code=process.returncode, stderr=tail)
            return outcome or CRASHED

    def _adopt(self, job: _Job, process: subprocess.Popen[str]) -> None:
        with self._changed:
            job.process = process
            if job.is_dropped:  # between the start of its thread and now
                process.kill()

    def _listen(self, job: _Job, process: subprocess.Popen[str]) -> Outcome | None:
        """The last thing the child said of its end; None if it ended without a word."""
        outcome: Outcome | None = None
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # killed already
            _send(process.stdin, job.task.config())
        for line in process.stdout:
            event = _event(line)
            if "stage" in event:
                job.outcome = Running(event["stage"])
            elif "failed" in event:
                outcome = Failed(event["failed"], event["is_final"])
            elif "done" in event:
                outcome = Done(event["done"])
        return outcome


def _send(stdin: IO[str], config: Mapping[str, Any]) -> None:
    stdin.write(json.dumps(config) + "\n")
    stdin.flush()


def _event(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:  # cut off by a kill, or printed by a library
        return {}
    return event if isinstance(event, dict) else {}
