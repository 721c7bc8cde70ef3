"""Which processes outlive what should have ended them."""

from collections.abc import Sequence

import psutil


def survivors(processes: Sequence[psutil.Process], *, within_s: float) -> list[psutil.Process]:
    """Those that still run then. A zombie has ended; that nobody reaped it is the business of process 1."""
    left = list(processes)
    for _ in range(20):
        _, left = psutil.wait_procs(left, timeout=within_s / 20)
        left = [process for process in left if not _is_zombie(process)]
        if not left:
            break
    return left


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
