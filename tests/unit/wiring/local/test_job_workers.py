"""The threads that do jobs, over a fake table and a clock that stands still until it is moved."""

import threading
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from llmanager.jobs.entities import LEASE_S, JobState, Progress
from llmanager.jobs.usecases.cancel import cancel
from llmanager.jobs.usecases.queue import Queue
from llmanager.jobs.usecases.submit import submit
from llmanager.kernel.errors import Unavailable
from llmanager.wiring.local import job_workers
from llmanager.wiring.local.job_workers import HEARTBEAT_S, JobNews, JobReport, JobWorkers
from tests.fakes.eventually import eventually
from tests.unit.jobs.world import ACME, BUSY, WRONG, World

SECRET = "canary-1234"


class Stage(World):
    """A queue whose jobs are done by `self.act(job, report)`."""

    def __init__(self) -> None:
        super().__init__()
        self.news = JobNews()
        self.queue = Queue(self.table, self.clock, self.queue.new_id, self.news)
        self.act = lambda job, report: {}

    @contextmanager
    def working(self, **more):
        workers = JobWorkers(self.queue, {"test": self._do}, **more)
        self.news.connect(workers)
        workers.start()
        try:
            yield workers
        finally:
            workers.close()
            assert not any(thread.is_alive() for thread in workers._threads)

    def _do(self, job, report):
        return self.act(job, report)

    def until(self, job, state: JobState):
        return eventually(lambda: self.now(job), lambda now: now.state is state, within_s=10)

    def pass_time(self, seconds: float, workers: JobWorkers) -> None:
        """Time goes by, and somebody looks at the clock."""
        self.clock.advance(seconds)
        workers.poke()


@pytest.fixture
def stage():
    return Stage()


class Halt:
    """A handler that has begun, and goes on when it is told to."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, job, report):
        self.begun.set()
        assert self.go_on.wait(10)
        report.tell(Progress(1))
        return {}

    def wait(self) -> None:
        assert self.begun.wait(10), "it did not begin"


def test_what_is_submitted_is_done_at_once_with_its_result_and_last_progress(stage):
    def act(job, report):
        for n in range(1, 4):
            report.tell(Progress(n, 3, "chunks", "embedding"))
        return {"chunks": 3}

    stage.act = act
    with stage.working():
        done = stage.until(stage.submit(), JobState.DONE)
    assert (done.result, done.progress) == ({"chunks": 3}, Progress(3, 3, "chunks", "embedding"))


def test_what_waited_before_the_start_is_done_too(stage):
    job = stage.submit()
    with stage.working():
        stage.until(job, JobState.DONE)


def test_a_failure_that_may_mend_is_tried_again_when_its_time_has_come(stage):
    tries = []

    def act(job, report):
        tries.append(job.attempts)
        if len(tries) == 1:
            raise BUSY
        return {}

    stage.act = act
    with stage.working() as workers:
        job = stage.submit()
        eventually(lambda: stage.now(job), lambda now: now.failure, within_s=10)
        other = stage.submit("b")
        stage.until(other, JobState.DONE)  # and so it had its chance
        assert stage.now(job).state is JobState.QUEUED
        stage.pass_time(5, workers)
        assert stage.until(job, JobState.DONE).attempts == 2


def test_a_failure_for_good_ends_the_job_with_its_words(stage):
    def act(job, report):
        raise WRONG

    stage.act = act
    with stage.working():
        assert stage.until(stage.submit(), JobState.FAILED).failure.message == str(WRONG)


def test_an_unknown_failure_ends_the_job_with_a_clean_text_and_is_logged_without_content(stage):
    def act(job, report):
        raise KeyError(SECRET) from ValueError(SECRET)

    stage.act = act
    with capture_logs() as logs, stage.working():
        job = stage.submit(secret=SECRET)
        failure = stage.until(job, JobState.FAILED).failure
    assert (failure.code, job.id in failure.message) == ("internal_error", True)
    assert SECRET not in f"{failure}{logs}"
    [line] = logs
    assert (line["event"], line["error"], line["kind"]) == ("job_failed", "KeyError", "test")
    assert line["where"][-1].endswith(" act")


@pytest.mark.parametrize("result", [{"score": 0.5}, {"text": "x" * 200_000}, None])
def test_a_result_that_cannot_be_kept_ends_the_job_as_failed(stage, result):
    stage.act = lambda job, report: result
    with capture_logs(), stage.working():
        assert stage.until(stage.submit(), JobState.FAILED).result is None


def test_a_kind_that_nobody_does_ends_as_failed(stage):
    with stage.working():
        job = submit(stage.queue, caller=ACME, kind="unheard-of", payload={}, lane="a")
        assert stage.until(job, JobState.FAILED).failure.code == "not_supported"


def test_two_jobs_of_different_lanes_run_side_by_side_and_two_of_one_do_not(stage):
    both = threading.Barrier(2)

    def meet(job, report):
        both.wait(10)
        return {}

    stage.act = meet
    with stage.working():
        for job in (stage.submit("a"), stage.submit("b")):
            stage.until(job, JobState.DONE)
        halt = stage.act = Halt()
        first, second = stage.submit("a"), stage.submit("a")
        halt.wait()
        other = stage.submit("b")
        stage.act = lambda job, report: {}
        stage.until(other, JobState.DONE)
        assert stage.now(second).state is JobState.QUEUED
        halt.go_on.set()
        stage.until(second, JobState.DONE)
        assert stage.now(first).state is JobState.DONE


def test_a_cancelled_job_ends_when_its_handler_next_reports(stage):
    halt = stage.act = Halt()
    with stage.working():
        job = stage.submit()
        halt.wait()
        cancel(stage.queue, job.key)
        halt.go_on.set()
        stage.until(job, JobState.CANCELLED)


def test_a_cancel_is_heard_of_by_the_very_next_report_even_within_the_second(stage):
    stage.submit()
    job = stage.claimed()
    report = JobReport(stage.queue, job)
    report.tell(Progress(1))
    cancel(stage.queue, job.key)
    with pytest.raises(job_workers.JobCancelled):
        report.tell(Progress(2))


def test_progress_is_written_at_most_once_a_second_and_the_first_at_once(stage):
    stage.submit()
    report = JobReport(stage.queue, stage.claimed())
    seen = []
    for n in range(1, 6):
        report.tell(Progress(n))
        seen.append(stage.now(report.job).progress.done)
        stage.clock.advance(0.5)
    assert seen == [1, 1, 3, 3, 5]


def test_a_report_while_rows_cannot_be_written_stops_no_work(stage):
    stage.submit()
    report = JobReport(stage.queue, stage.claimed())
    stage.table.down = Unavailable("The disk is full.")
    with capture_logs() as logs:
        report.tell(Progress(1))
        report.tell(Progress(2))
    assert [line["why"] for line in logs] == ["unavailable"] * 2
    stage.table.down = None
    stage.clock.advance(1)
    report.tell(Progress(3))
    assert stage.now(report.job).progress == Progress(3)


def test_a_silent_handler_keeps_its_lease_however_long_it_takes(stage):
    halt = stage.act = Halt()
    with stage.working() as workers:
        job = stage.submit()
        halt.wait()
        for _ in range(10):
            stage.clock.advance(HEARTBEAT_S)
            workers.tend()
            assert stage.claim() is None
        halt.go_on.set()
        assert stage.until(job, JobState.DONE).attempts == 1


def test_the_heart_beats_by_itself(stage):
    halt = stage.act = Halt()
    with stage.working(heartbeat_s=0.001):
        job = stage.submit()
        halt.wait()
        before = stage.now(job).held_until
        stage.clock.advance(HEARTBEAT_S)
        eventually(lambda: stage.now(job).held_until, lambda until: until > before, within_s=10)
        halt.go_on.set()
        stage.until(job, JobState.DONE)


def test_a_wall_clock_that_jumps_makes_nothing_that_runs_here_look_abandoned(stage):
    halt = stage.act = Halt()
    with stage.working() as workers:
        job = stage.submit()
        halt.wait()
        stage.pass_time(100 * LEASE_S, workers)  # a laptop that slept
        other = stage.submit("b")
        stage.act = lambda job, report: {}
        stage.until(other, JobState.DONE)
        halt.go_on.set()
        assert (stage.until(job, JobState.DONE).attempts, stage.now(job).deaths) == (1, 0)


def test_a_heartbeat_that_hears_of_a_cancel_leaves_it_to_the_handler(stage):
    halt = stage.act = Halt()
    with stage.working() as workers:
        job = stage.submit()
        halt.wait()
        cancel(stage.queue, job.key)
        stage.clock.advance(HEARTBEAT_S)
        workers.tend()
        assert stage.now(job).state is JobState.RUNNING
        halt.go_on.set()
        stage.until(job, JobState.CANCELLED)


def test_closing_tells_handlers_to_end_and_their_jobs_go_on_after_the_restart(stage):
    begun = threading.Event()

    def until_told(job, report):
        while True:
            begun.set()
            report.tell(Progress(1))

    stage.act = until_told
    with stage.working():
        job = stage.submit()
        assert begun.wait(10)
    back = stage.now(job)
    assert (back.state, back.attempts, back.deaths) == (JobState.QUEUED, 0, 0)
    stage.act = lambda job, report: {}
    with stage.working():
        stage.until(job, JobState.DONE)


def test_a_handler_that_does_not_hear_of_the_close_loses_its_job_and_writes_nothing_more(stage, monkeypatch):
    monkeypatch.setattr(job_workers, "CLOSE_S", 0.01)
    halt = stage.act = Halt()
    workers = JobWorkers(stage.queue, {"test": halt})
    stage.news.connect(workers)
    workers.start()
    job = stage.submit()
    halt.wait()
    with capture_logs() as logs:
        workers.close()
        back = stage.now(job)
        assert (back.state, back.attempts) == (JobState.QUEUED, 0)
        halt.go_on.set()
        for thread in workers._threads:
            thread.join(10)
    assert stage.now(job) == back
    assert logs[0]["event"] == "a job did not end in time and will be done again"


def test_after_a_kill_the_next_server_goes_on_at_once_without_waiting_for_the_lease(stage):
    stage.submit()
    held = stage.claimed()  # by a server that is no more
    with stage.working():
        assert stage.until(held, JobState.DONE).deaths == 1


def test_a_queue_that_cannot_be_read_is_read_again(stage, monkeypatch):
    monkeypatch.setattr(job_workers, "RETRY_S", 0.001)
    stage.table.down = Unavailable("The rows are locked.")
    with capture_logs() as logs, stage.working():
        eventually(lambda: len(logs) >= 3, within_s=10)
        stage.table.down = None
        stage.until(stage.submit(), JobState.DONE)


def test_a_broken_queue_does_not_end_the_workers(stage, monkeypatch):
    monkeypatch.setattr(job_workers, "RETRY_S", 0.001)
    stage.table.down = ZeroDivisionError()
    with capture_logs() as logs:
        workers = JobWorkers(stage.queue, {"test": lambda job, report: {}})
        stage.news.connect(workers)
        for thread in workers._threads[1:]:
            thread.start()
        eventually(lambda: len(logs) >= 3, within_s=10)
        stage.table.down = None
        stage.until(stage.submit(), JobState.DONE)
        workers.close()


def test_an_end_that_cannot_be_written_leaves_the_job_to_be_done_again(stage):
    ends = []

    def act(job, report):
        if not ends:
            ends.append(1)
            stage.table.down = Unavailable("The disk is full.")
        return {}

    stage.act = act
    with capture_logs() as logs, stage.working() as workers:
        job = stage.submit()
        eventually(lambda: any("state of a job" in line["event"] for line in logs), within_s=10)
        stage.table.down = None
        stage.pass_time(LEASE_S, workers)
        assert stage.until(job, JobState.DONE).attempts == 2


def test_workers_that_never_started_can_be_closed(stage):
    JobWorkers(stage.queue, {}).close()
