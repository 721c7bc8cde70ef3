"""Processes that stay when the command that started them ends, and that are ended only if they are still ours."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

MARK = "LLMANAGER_EMULATION"  # in the environment of every process of an emulation: the state folder it belongs to
PATIENCE_S = 5.0
_started: "list[subprocess.Popen[bytes]]" = []  # one that is thrown away while it runs would be complained of


@dataclass(frozen=True)
class Part:
    """One process. A pid alone does not name it: pids are given out again."""

    name: str
    pid: int
    born: float
    port: int


def start(name: str, argv: Sequence[str], env: Mapping[str, str], folder: Path, port: int) -> Part:
    """In a session of its own: the terminal's Ctrl-C and hang-up do not reach it."""
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env={**env, MARK: str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _started.append(process)
    try:
        born = psutil.Process(process.pid).create_time()
    except psutil.NoSuchProcess:
        born = 0.0  # it ended at once; whoever waits for it to answer will tell
    return Part(name, process.pid, born, port)


def lives(part: Part) -> bool:
    try:
        process = psutil.Process(part.pid)
        return process.create_time() == part.born and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def stop(part: Part) -> None:
    if lives(part):
        end([psutil.Process(part.pid)])


def stop_all(folder: Path) -> int:
    """Ends whatever still belongs to the state folder, also what was never recorded; says how many there were."""
    found = list(marked(folder))
    end(found)
    end(list(marked(folder)))  # what those started while they were being ended
    return len(found)


def marked(folder: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == str(folder) and process.pid != os.getpid():
                yield process


def end(asked: list[psutil.Process]) -> None:
    """With what they started: asked first, then killed."""
    family = dict.fromkeys(asked)
    for process in asked:
        with suppress(psutil.Error):
            family.update(dict.fromkeys(process.children(recursive=True)))
    for process in family:
        with suppress(psutil.Error):
            process.send_signal(signal.SIGTERM)
    _, left = psutil.wait_procs(family, timeout=PATIENCE_S)
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=PATIENCE_S)
    for started in _started:
        started.poll()  # or Python complains at its end of one that it thinks is still running


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def is_taken(port: int) -> bool:
    """Whether something listens there. Binding would not tell: a port just left by ours would look taken."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def tail(folder: Path, name: str, lines: int = 15) -> str:
    log = folder / f"{name}.log"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no log)"
