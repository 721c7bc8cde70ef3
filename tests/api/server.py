"""A local server as its users start it: a child process in an empty home, on a free port."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
READY_S = 90
STOP_S = 15


def environment(home: Path, **settings: str) -> dict[str, str]:
    """What the child gets: none of this machine's own settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LLMANAGER_", "HF_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "LLMANAGER_HOME": str(home), **settings}


@contextmanager
def local_server(home: Path, **settings: str) -> Iterator[str]:
    """Yields the base URL once the server says that it is ready; stops it, and with it its workers, at the end."""
    with server_process(home, **settings) as (url, _):
        yield url


@contextmanager
def server_process(home: Path, **settings: str) -> Iterator[tuple[str, int]]:
    """`local_server` for tests that look at its process: the base URL and the process id."""
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "llmanager.cli", "local", "--port", "0"]
    with (home / "stderr.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(home, **settings), stdout=subprocess.PIPE, stderr=log, text=True
        )
        assert process.stdout is not None
        try:
            yield ready_url(process.stdout, home), process.pid
        finally:
            stop(process)
            process.stdout.close()


def ready_url(stdout: IO[str], home: Path) -> str:
    """The address in the line `ready http://…`. Everything later is drained, so that the server never blocks."""
    found: queue.Queue[str | None] = queue.Queue()

    def drain() -> None:
        for line in stdout:
            if match := re.match(r"ready (http://\S+)", line):
                found.put(match.group(1))
        found.put(None)

    threading.Thread(target=drain, daemon=True).start()
    try:
        url = found.get(timeout=READY_S)
    except queue.Empty:
        url = None
    assert url, f"the server did not become ready:\n{(home / 'stderr.log').read_text()[-4000:]}"
    return url


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def create_key(home: Path, name: str, *arguments: str) -> str:
    """A key made by `./run.sh key create`, which shows it on a line of its own."""
    command = [sys.executable, "-m", "llmanager.cli", "key", "create", name, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(home), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    shown = re.search(r"^ {4}(\S+)$", done.stdout, flags=re.MULTILINE)
    assert shown, done.stdout
    return shown.group(1)
