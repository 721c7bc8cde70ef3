"""Jobs in real child processes (tests/fakes/job_child.py)."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from structlog.testing import capture_logs

from llmanager.adapters.local.jobs import CRASHED, MAX_UNFINISHED, QUEUED, TOO_MANY, Done, Failed, Jobs, Running, Task
from tests.fakes.clock import FakeClock
from tests.fakes.eventually import DEADLINE_S, eventually
from tests.fakes.survivors import is_alive, live_children

ROOT = str(Path(__file__).parents[4])
ENVIRONMENT = {"PYTHONPATH": ROOT, "LC_ALL": "C.UTF-8"}


def steps(*steps: list[Any], keep_s: float = 60) -> Task:
    return Task("tests.fakes.job_child", lambda: {"steps": steps}, keep_s)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def jobs(clock: FakeClock) -> Iterator[Jobs]:
    jobs = Jobs(sys.executable, ENVIRONMENT, clock)
    yield jobs
    jobs.close()
    assert not live_children()


def run(jobs: Jobs, task: Task) -> object:
    jobs.begin("key", task)
    jobs.wait("key", DEADLINE_S)
    return jobs.begin("key", task)


def test_the_result_of_the_child_is_told_to_everyone_who_asks(jobs: Jobs):
    first = run(jobs, steps())

    assert isinstance(first, Done)
    assert jobs.begin("key", steps()) is first


def test_a_child_knows_only_the_environment_it_was_given(jobs: Jobs):
    done = run(jobs, steps())

    assert isinstance(done, Done)
    assert set(done.result["environment"]) <= {*ENVIRONMENT, "LC_CTYPE"}


def test_how_far_it_is_is_seen_while_it_runs(jobs: Jobs, tmp_path: Path):
    task = steps(["say", "half way"], ["until", str(tmp_path / "go")])
    jobs.begin("key", task)

    eventually(lambda: jobs.begin("key", task) == Running("half way"))
    (tmp_path / "go").touch()
    jobs.wait("key", DEADLINE_S)
    assert isinstance(jobs.begin("key", task), Done)


def test_what_a_library_prints_is_no_event(jobs: Jobs):
    assert isinstance(run(jobs, steps(["print", "{half an ev"], ["print", "[1]"])), Done)


def test_a_failure_says_why_and_is_remembered_for_ten_seconds(jobs: Jobs, clock: FakeClock):
    assert run(jobs, steps(["fail", "no network", False])) == Failed("no network", is_final=False)
    clock.advance(9)
    assert jobs.begin("key", steps()) == Failed("no network", is_final=False)
    clock.advance(1)
    assert isinstance(jobs.begin("key", steps()), Running)


def test_a_final_failure_is_remembered_for_five_minutes(jobs: Jobs, clock: FakeClock):
    run(jobs, steps(["fail", "no such model", True]))
    clock.advance(299)
    assert jobs.begin("key", steps()) == Failed("no such model", is_final=True)
    clock.advance(1)
    assert isinstance(jobs.begin("key", steps()), Running)


def test_a_failure_is_forgotten_when_dropped(jobs: Jobs):
    run(jobs, steps(["fail", "no such model", True]))
    jobs.drop("key")

    assert isinstance(run(jobs, steps()), Done)


def test_a_result_is_kept_as_long_as_its_task_says(jobs: Jobs, clock: FakeClock):
    first = run(jobs, steps(keep_s=5))
    clock.advance(5)

    assert jobs.begin("key", steps()) is not first


def test_a_full_disk_is_told_as_such(jobs: Jobs):
    assert run(jobs, steps(["full"])) == Failed(
        "The disk became full. Free some space, then try again.", is_final=False
    )


def test_what_does_not_fit_on_the_disk_is_told_in_figures(jobs: Jobs):
    mib = 1024 * 1024

    assert run(jobs, steps(["space", 100 * mib, 130 * mib])) == Failed(
        "The disk is too full: 164 MiB are needed, 130 MiB are free. Free some space, then try again.", is_final=False
    )
    jobs.drop("key")
    assert isinstance(run(jobs, steps(["space", 100 * mib, 164 * mib])), Done)


def test_a_crash_is_told_and_its_stack_stays_in_the_log(jobs: Jobs):
    with capture_logs() as logs:
        assert run(jobs, steps(["crash"])) == CRASHED

    assert "ZeroDivisionError" in logs[0]["stderr"]


def test_a_child_that_cannot_start_is_a_failure(clock: FakeClock, tmp_path: Path):
    jobs = Jobs(str(tmp_path / "no-python"), {}, clock)

    with capture_logs() as logs:
        assert run(jobs, steps()) == CRASHED

    assert logs[0]["event"] == "job_not_started"


def test_a_dropped_job_is_killed(jobs: Jobs, tmp_path: Path):
    jobs.begin("key", steps(["say", "on"], ["until", str(tmp_path / "never")]))
    eventually(live_children)
    jobs.drop("key")

    eventually(lambda: not live_children())


def test_dropping_what_is_not_there_is_nothing(jobs: Jobs):
    jobs.drop("key")


def test_two_run_at_a_time_and_the_third_waits_its_turn(jobs: Jobs, tmp_path: Path):
    tasks = {name: steps(["say", "on"], ["until", str(tmp_path / name)]) for name in "abc"}
    for name, task in tasks.items():
        jobs.begin(name, task)
    eventually(lambda: jobs.begin("a", tasks["a"]) == jobs.begin("b", tasks["b"]) == Running("on"))

    assert jobs.begin("c", tasks["c"]) == QUEUED
    (tmp_path / "a").touch()
    eventually(lambda: jobs.begin("c", tasks["c"]) == Running("on"))


def test_more_jobs_than_anyone_needs_are_refused(jobs: Jobs, tmp_path: Path):
    task = steps(["until", str(tmp_path / "never")])
    for number in range(MAX_UNFINISHED):
        jobs.begin(number, task)

    assert jobs.begin("one more", task) == TOO_MANY


def test_ended_jobs_leave_room_for_new_ones(jobs: Jobs):
    for number in range(MAX_UNFINISHED + 1):
        jobs.begin(number, steps(["fail", "no such model", True]))
        jobs.wait(number, DEADLINE_S)

    assert isinstance(run(jobs, steps()), Done)


def test_waiting_ends_with_the_time_too(jobs: Jobs, tmp_path: Path):
    task = steps(["until", str(tmp_path / "never")])
    jobs.begin("key", task)
    jobs.wait("key", 0.01)

    assert isinstance(jobs.begin("key", task), Running)


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path):
    never = str(tmp_path / "never")
    program = (
        "import sys, time; from llmanager.adapters.local.jobs import Jobs, Task\n"
        "from llmanager.kernel.clock import SystemClock\n"
        f"jobs = Jobs(sys.executable, {ENVIRONMENT!r}, SystemClock())\n"
        f"jobs.begin('key', Task('tests.fakes.job_child', lambda: {{'steps': [['until', {never!r}]]}}, 1))\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], env=ENVIRONMENT)
    child = eventually(lambda: psutil.Process(parent.pid).children())[0]
    eventually(lambda: child.num_threads() > 1)  # it listens for the end of its stdin
    parent.kill()
    parent.wait()

    eventually(lambda: not is_alive(child))
