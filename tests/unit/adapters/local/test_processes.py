import signal
import threading

import psutil
import pytest

from llmanager.adapters.local import processes
from llmanager.adapters.local.processes import Launch, Spawner
from tests.fakes.survivors import survivors

PORT_OF_NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def spawner():
    spawner = Spawner()
    yield spawner
    spawner.close()


@pytest.fixture
def spawn(spawner, tmp_path):
    """A child that holds the interpreter's lock for ever, as an engine while it loads."""
    children = []

    def start(on_end=lambda: None, **config):
        child = spawner.spawn(Launch("tests.fakes.stubborn_child", config, {}, tmp_path / "logs" / "0.log"), on_end)
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        assert child.wait(5)


def test_a_child_says_where_it_answers(spawn):
    assert spawn(is_ready=True).address(5) == PORT_OF_NOBODY


def test_a_child_that_says_nothing_in_time_is_not_taken_for_one_that_ended(spawn):
    child = spawn()

    with pytest.raises(TimeoutError):
        child.address(0.01)
    assert not child.has_ended


def test_the_end_of_a_child_is_noticed_at_once(spawn):
    ended = threading.Event()
    child = spawn(on_end=ended.set, is_ready=True)
    child.address(5)
    psutil.Process(child.pid).kill()

    assert ended.wait(1)
    assert child.exit_status == -signal.SIGKILL


@pytest.mark.parametrize("watcher", [False, True])
def test_a_child_ends_within_a_second_of_its_stdin_even_while_it_keeps_the_interpreter(spawn, watcher):
    child = spawn(is_ready=True, watcher=watcher)
    child.address(5)
    family = psutil.Process(child.pid).children()
    assert len(family) == watcher
    child.stop()

    assert child.wait(1)
    assert child.exit_status == -signal.SIGKILL
    assert survivors(family, within_s=1) == []


def test_a_watcher_ends_with_whom_it_watched(spawn):
    child = spawn(is_ready=True, watcher=True)
    child.address(5)
    watcher = psutil.Process(child.pid).children()
    psutil.Process(child.pid).kill()

    assert child.wait(1)
    assert survivors(watcher, within_s=1) == []


def test_a_stopped_process_can_be_stopped_for_good(spawn):
    child = spawn(is_ready=True)
    child.address(5)
    psutil.Process(child.pid).suspend()
    child.stop()

    assert child.wait(1)


def test_a_child_that_outlives_its_stdin_is_killed_in_the_end(spawn, monkeypatch):
    monkeypatch.setattr(processes, "PATIENCE_S", 0.05)
    child = spawn(is_ready=True, watcher=True)
    child.address(5)
    (watcher,) = psutil.Process(child.pid).children()
    watcher.suspend()  # nobody reads stdin now, and the child keeps the lock
    child.stop()

    assert child.wait(2)
    assert child.exit_status == -signal.SIGTERM
    assert survivors([watcher], within_s=1) == []


def test_stopping_twice_is_fine(spawn):
    child = spawn()
    child.stop()
    child.stop()

    assert child.address(1) is None
    assert child.wait(1)


def test_a_log_keeps_its_last_part_only(spawn, monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "LOG_LIMIT_BYTES", 50_000)
    monkeypatch.setattr(processes, "LOG_KEPT_BYTES", 1_000)
    child = spawn(is_ready=True, prints=1000)
    child.address(5)
    log = tmp_path / "logs" / "0.log"
    assert log.stat().st_size == 100_000

    child.trim_log()

    assert log.stat().st_size == 1_000
    assert log.stat().st_mode & 0o077 == 0
    assert child.last_lines()[-1] == f"{999:099d}"


def test_a_log_that_somebody_removed_harms_nobody(spawn, tmp_path):
    child = spawn(is_ready=True)
    child.address(5)
    (tmp_path / "logs" / "0.log").unlink()

    child.trim_log()
    assert child.last_lines() == []


def test_the_log_of_the_run_before_is_kept_beside(spawn, tmp_path):
    spawn(is_ready=True, prints=1).address(5)
    spawn(is_ready=True).address(5)

    assert (tmp_path / "logs" / "0.previous").stat().st_size == 100
    assert (tmp_path / "logs" / "0.log").stat().st_size == 0


def test_no_secret_shows_in_the_process_list(spawn):
    child = spawn(is_ready=True, api_key="hush")
    child.address(5)
    process = psutil.Process(child.pid)

    assert "hush" not in " ".join(process.cmdline())
    assert "hush" not in str(process.environ())
    assert set(process.environ()) <= {"PYTHONPATH", "LC_CTYPE"}


def test_a_place_that_cannot_be_written_is_an_error_of_the_one_who_asked(spawner, tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(OSError):
        spawner.spawn(Launch("tests.fakes.stubborn_child", {}, {}, tmp_path / "file" / "0.log"), lambda: None)
