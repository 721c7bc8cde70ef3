"""One replica by an external command (llama-server, vllm serve, ...), which knows nothing of us.

    python -m llmanager.adapters.local.guard

stdin: one JSON line {"argv": [...], "env": {...}, "health_path": "/health"}, then kept open by the parent; its end ends
the whole process group. The parent starts the guard as the leader of a group of its own; the engine and its children
stay in it. In argv `{port}` becomes a free port. `env` is all of the engine's environment, and may carry its key.
stdout: one JSON line {"address": "http://127.0.0.1:40123"} once the engine answers 200 on health_path.
Exit status: the engine's; 128 + n where signal n ended it; NO_COMMAND where there is no such program.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

from llmanager.adapters.local.lifeline import STDIN, die_with_parent

NO_COMMAND = 127
GRACE_S = 2.0
POLL_S = 0.02


def main() -> None:
    config = json.loads(sys.stdin.buffer.readline() or b"null")
    if config is None:
        return  # the parent was gone before it could say anything
    port = _free_port()
    try:
        engine = _spawn([arg.replace("{port}", str(port)) for arg in config["argv"]], config["env"])
    except OSError:
        sys.exit(NO_COMMAND)
    is_orphan = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: None)  # meant for the engine; the guard stays to see the end of it
    threading.Thread(target=_end_group_with_parent, args=(is_orphan,), daemon=True).start()
    if _is_answering(engine, port, config["health_path"]):
        sys.stdout.write(json.dumps({"address": f"http://127.0.0.1:{port}"}) + "\n")
        sys.stdout.flush()
    status = engine.wait()
    if is_orphan.is_set():
        os.killpg(0, signal.SIGKILL)  # the guard itself and what is left of the engine's family
    os._exit(status if status >= 0 else 128 - status)


def _spawn(argv: Sequence[str], env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """The command is an admin's; of what a client chose it holds at most the path of weights that we found.

    The kernel ends the engine with the guard. The guard has no such order itself: it lives on to end the group.
    """
    return subprocess.Popen(  # noqa: S603
        argv,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno(),
        preexec_fn=die_with_parent,  # noqa: PLW1509 - no thread exists yet
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_answering(engine: "subprocess.Popen[bytes]", port: int, path: str) -> bool:
    """Waits for the engine; how long is the parent's business. False: it ended first."""
    while engine.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == http.HTTPStatus.OK:
                return engine.poll() is None
        except (OSError, http.client.HTTPException):
            pass  # not there yet
        finally:
            connection.close()
        time.sleep(POLL_S)
    return False


def _end_group_with_parent(is_orphan: threading.Event) -> None:
    while os.read(STDIN, 4096):
        pass
    is_orphan.set()
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE_S)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
