"""The threads that do jobs, over a fake table and a clock that stands still until it is moved."""

import threading

import pytest
from structlog.testing import capture_logs

from llmanager.jobs.entities import JobState, Progress
from llmanager.jobs.usecases.cancel import cancel
from llmanager.jobs.usecases.submit import submit
from llmanager.kernel.errors import Unavailable
from llmanager.wiring.serving import job_workers
from llmanager.wiring.serving.job_attempts import JobReport
from llmanager.wiring.serving.job_workers import JobWorkers
from tests.fakes.eventually import eventually
from tests.unit.jobs.world import ACME, BUSY, WRONG
from tests.unit.wiring.serving.job_stage import Halt, Stage

SECRET = "canary-1234"


@pytest.fixture
def stage():
    return Stage()


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


def test_workers_that_never_started_can_be_closed(stage):
    JobWorkers(stage.queue, {}).close()


def test_an_end_that_no_row_can_hold_does_not_end_the_thread(stage):
    def act(job, report):
        raise Unavailable("\ud800")

    stage.act = act
    with capture_logs() as logs, stage.working(workers=1):
        stage.submit()
        eventually(lambda: logs, within_s=10)
        stage.act = lambda job, report: {}
        stage.until(stage.submit("b"), JobState.DONE)
    assert [line["error"] for line in logs] == ["UnicodeEncodeError"]


def test_what_fails_because_the_server_stops_is_no_attempt(stage):
    begun = threading.Event()

    def act(job, report):
        begun.set()
        assert eventually(lambda: report.is_interrupted, within_s=10)
        raise BUSY

    stage.act = act
    with stage.working():
        job = stage.submit()
        assert begun.wait(10)
    now = stage.now(job)
    assert (now.state, now.attempts, now.failure, now.due_at) == (JobState.QUEUED, 0, None, stage.clock.now())


def test_an_interrupted_job_may_still_fail_for_good(stage):
    begun = threading.Event()

    def act(job, report):
        begun.set()
        assert eventually(lambda: report.is_interrupted, within_s=10)
        raise WRONG

    stage.act = act
    with stage.working():
        job = stage.submit()
        assert begun.wait(10)
    assert stage.now(job).state is JobState.FAILED
