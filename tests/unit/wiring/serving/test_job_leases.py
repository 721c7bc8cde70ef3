"""How workers keep the jobs that they hold, and how they lose them."""

import threading

import pytest
from structlog.testing import capture_logs

from llmanager.jobs.entities import LEASE_S, JobState, Progress
from llmanager.jobs.usecases.cancel import cancel
from llmanager.kernel.errors import Unavailable
from llmanager.wiring.serving import job_workers
from llmanager.wiring.serving.job_attempts import HEARTBEAT_S
from llmanager.wiring.serving.job_workers import JobWorkers
from tests.fakes.eventually import eventually
from tests.unit.wiring.serving.job_stage import Halt, Stage

SECRET = "canary-1234"


@pytest.fixture
def stage():
    return Stage()


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
