"""`kill -9` of the server in the middle of something: the next one finishes it, and nobody has to ask."""

import contextlib
import threading
import time

import psutil
import pytest

from bench._server import Server
from tests.fakes.eventually import eventually
from tests.fakes.survivors import survivors

pytestmark = pytest.mark.e2e
TURN = {"q": "Who are you?", "a": "demo-tiny"}


@contextlib.contextmanager
def serving(home):
    """A server that is killed at the end, if it was not before; with it go all its processes."""
    with (home / "stderr.log").open("ab") as errors:
        server = Server(home, errors)
        try:
            yield server.ready()
        finally:
            kill(server)


def kill(server):
    if not server.was_killed:
        assert survivors(server.kill(), within_s=5) == []


def child_at_work(server, module):
    """The child that runs the module, as soon as there is one."""

    def found():
        for child in psutil.Process(server.process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if module in child.cmdline():
                    return child
        return None

    return eventually(found)


def status(server, name="m"):
    code, answer = server.ask("/model/status", {"name": name})
    return answer["status"] if code == 200 else code


@pytest.mark.parametrize(
    ("model", "module", "later_s"),
    [
        ("minilm", "llmanager.adapters.local.minilm", 0.0),
        ("minilm", "llmanager.adapters.local.minilm", 0.3),
        ("minilm", "llmanager.adapters.local.minilm", 0.8),  # by then it writes
        ("demo-tiny", "llmanager.adapters.local.worker", 0.0),
    ],
)
def test_a_model_that_was_being_created_becomes_ready(tmp_path, model, module, later_s):
    with serving(tmp_path) as server:
        assert server.ask("/model/create", {"name": "m", "model": model})[0] == 202
        child_at_work(server, module)
        time.sleep(later_s)
        kill(server)
    with serving(tmp_path) as server:
        eventually(lambda: status(server) == "ready")


def test_a_file_that_was_half_written_is_written_anew(tmp_path):
    with serving(tmp_path) as server:
        server.ask("/model/create", {"name": "m", "model": "demo-tiny", "wait_s": 30})
        kill(server)
    folder = tmp_path / "models" / "builtin"
    whole = next(folder.glob("*.gguf"))
    content = whole.read_bytes()
    whole.with_name(whole.name + ".part").write_bytes(content[:1000])
    whole.write_bytes(content[: len(content) // 2])  # what a disk may hold that lost power
    with serving(tmp_path) as server:
        eventually(lambda: status(server) == "ready")
        assert whole.read_bytes() == content


def test_a_child_that_is_killed_while_it_builds_is_followed_by_another(tmp_path):
    with serving(tmp_path) as server:
        server.ask("/model/create", {"name": "m", "model": "minilm"})
        child_at_work(server, "llmanager.adapters.local.minilm").kill()
        eventually(lambda: status(server) == "ready")


@pytest.mark.parametrize("later_s", [0.0, 0.02])
def test_a_model_that_was_being_deleted_is_gone(tmp_path, later_s):
    with serving(tmp_path) as server:
        server.ask("/model/create", {"name": "m", "model": "demo-tiny", "wait_s": 30})
        assert server.ask("/model/delete", {"name": "m"})[0] == 202
        time.sleep(later_s)
        kill(server)
    with serving(tmp_path) as server:
        eventually(lambda: status(server) == 404)
        assert server.ask("/model/create", {"name": "m", "model": "demo-tiny", "wait_s": 30})[1]["status"] == "ready"
        assert len(server.workers()) == 1


def test_of_a_model_that_is_gone_no_log_is_left(tmp_path):
    with serving(tmp_path) as server:
        server.ask("/model/create", {"name": "m", "model": "demo-tiny", "wait_s": 30})
        server.ask("/model/delete", {"name": "m"})
        kill(server)
    with serving(tmp_path) as server:
        eventually(lambda: status(server) == 404)
        eventually(lambda: not list((tmp_path / "logs" / "replicas").iterdir()))


def test_a_request_with_an_idempotency_key_that_was_cut_off_is_not_carried_out_twice(tmp_path):
    """Of a create that waits for its model the write is done, but the answer is not given."""
    body = {"name": "m", "model": "minilm", "wait_s": 60}
    with serving(tmp_path) as server:
        first = threading.Thread(target=swallow, args=(server, body))
        first.start()
        child_at_work(server, "llmanager.adapters.local.minilm")
        kill(server)
        first.join()
    with serving(tmp_path) as server:
        code, answer = with_key(server, body)
        assert (code, answer["error"]["code"]) == (409, "idempotency_cut_off")
        eventually(lambda: status(server) == "ready")


def swallow(server, body):
    with contextlib.suppress(OSError, ValueError):
        with_key(server, body)


def with_key(server, body):
    return server.ask("/model/create", body, {"idempotency-key": "k1"})


def test_the_lock_of_a_dead_server_holds_nobody_up(tmp_path):
    with serving(tmp_path) as server:
        (pid,) = (tmp_path / "server.lock").read_text().split()
        assert int(pid) == server.process.pid
    with serving(tmp_path) as server:
        assert server.ask("/history/new", TURN)[0] == 200
