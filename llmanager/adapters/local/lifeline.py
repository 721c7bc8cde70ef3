"""A child process that never outlives the process that started it. Runs in the child; the parent holds its stdin open.

A thread that reads stdin would not do: an engine keeps the interpreter's lock while it loads (measured: all of the
0.15 s that 570 MB take when they are cached). So on Linux the kernel is asked to send SIGKILL at the end of stdin, and
once more (PDEATHSIG) when the parent's thread ends; elsewhere a forked process watches.
"""

import ctypes
import fcntl
import os
import select
import signal
import sys

STDIN = 0
PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Linux: have the kernel kill this process when the thread that started it ends. Elsewhere: nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def hang_on_stdin() -> None:
    """From now on the end of stdin, or more of it, kills this process, whatever it does. Call before threads exist."""
    if sys.platform == "linux":
        _have_the_kernel_kill()
        die_with_parent()
    else:
        fork_watcher()


if sys.platform == "linux":

    def _have_the_kernel_kill() -> None:
        fcntl.fcntl(STDIN, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(STDIN, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(STDIN, fcntl.F_SETFL, fcntl.fcntl(STDIN, fcntl.F_GETFL) | os.O_ASYNC)
        if select.select([STDIN], [], [], 0)[0]:
            os._exit(0)  # the end came before the order


def fork_watcher() -> None:
    """Costs a process of 1.5 MiB, and leaves it as an orphan for process 1 to reap."""
    here, kept_open = os.pipe()
    worker = os.getpid()
    if os.fork() == 0:
        os.close(kept_open)
        os.close(sys.stdout.fileno())
        _watch(worker, worker_ended=here)
    os.close(here)


def _watch(worker: int, worker_ended: int) -> None:
    """The watcher's whole life. The pipe's other end is open only in the worker, so it tells when that is gone."""
    readable, _, _ = select.select([STDIN, worker_ended], [], [])
    if worker_ended not in readable and os.getppid() == worker:
        os.kill(worker, signal.SIGKILL)
    os._exit(0)
