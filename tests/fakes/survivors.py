"""Which processes of ours still run, and which outlive what should have ended them."""

from collections.abc import Sequence

import psutil

_servers: set[int] = set()


def outlives_tests(*pids: int) -> None:
    """Of a server that many tests share: it is none of what a test must end."""
    _servers.update(pids)


def children(*, recursive: bool = False) -> list[psutil.Process]:
    """The processes that a test of this process started. Servers that many tests share are none of them."""
    own = [child for child in psutil.Process().children() if not _is_server(child)]
    return own + [heir for child in own for heir in child.children(recursive=True)] if recursive else own


def live_children() -> list[psutil.Process]:
    return [child for child in children() if is_alive(child)]


def is_alive(process: psutil.Process) -> bool:
    """A zombie has ended; that nobody reaped it is the business of process 1."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_server(process: psutil.Process) -> bool:
    try:
        return process.pid in _servers or "llmanager.cli" in process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def survivors(processes: Sequence[psutil.Process], *, within_s: float) -> list[psutil.Process]:
    """Those that still run then."""
    left = list(processes)
    for _ in range(20):
        _, left = psutil.wait_procs(left, timeout=within_s / 20)
        left = [process for process in left if is_alive(process)]
        if not left:
            break
    return left
