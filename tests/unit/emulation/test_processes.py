"""Processes that outlive their starter, and are ended only if they are ours."""

import dataclasses
import os
import signal
import sys

import psutil
import pytest

from tests.fakes.eventually import eventually
from tools.emulation import processes

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPER!r}])"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"


@pytest.fixture
def started(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "PATIENCE_S", 1.0)

    def start(code=SLEEPER):
        part = processes.start("part", [sys.executable, "-c", code], {"PATH": os.environ["PATH"]}, tmp_path, 0)
        eventually(lambda: "up" in processes.tail(tmp_path, "part"))
        return part

    yield start
    processes.stop_all(tmp_path)


def test_it_has_a_session_of_its_own(started):
    assert os.getsid(started().pid) != os.getsid(0)


def test_stopping_ends_it_and_what_it_started(started):
    part = started(PARENT)
    family = [psutil.Process(part.pid), *psutil.Process(part.pid).children()]
    assert len(family) == 2
    processes.stop(part)
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)


def test_one_that_does_not_listen_is_killed(started):
    part = started(STUBBORN)
    processes.stop(part)
    assert not processes.lives(part)


def test_another_process_of_the_same_pid_is_left_alone(started):
    part = started()
    other = dataclasses.replace(part, born=part.born - 5)
    assert not processes.lives(other)
    processes.stop(other)
    assert processes.lives(part)


def test_what_was_killed_with_its_record_is_found_by_its_mark(started, tmp_path):
    part = started(PARENT)
    (child,) = psutil.Process(part.pid).children()
    os.kill(part.pid, signal.SIGKILL)
    assert child in list(processes.marked(tmp_path))
    assert processes.stop_all(tmp_path) >= 1
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_what_has_the_mark_of_another_folder_is_left_alone(started, tmp_path):
    part = started()
    assert processes.stop_all(tmp_path / "other") == 0
    assert processes.lives(part)
