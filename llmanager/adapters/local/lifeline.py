"""A child process that never outlives the process that started it. Runs in the child; the parent holds its stdin open.

Two defences, because each has a hole. The end of stdin tells on every system, but somebody must be free to read it:
a C++ engine keeps the interpreter's lock while it loads (measured: all of the 0.15 s that 570 MB take), so the reader
is a forked watcher, not a thread. On Linux the kernel sends PDEATHSIG besides, which covers a watcher that was killed.
"""

import ctypes
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
    """From now on the end of stdin kills this process at once, whatever it does. Call before any thread exists."""
    here, kept_open = os.pipe()
    worker = os.getpid()
    if os.fork() == 0:
        os.close(kept_open)
        os.close(sys.stdout.fileno())
        _watch(worker, worker_ended=here)
    os.close(here)
    die_with_parent()


def _watch(worker: int, worker_ended: int) -> None:
    """The watcher's whole life. The pipe's other end is open only in the worker, so it tells when that is gone."""
    readable, _, _ = select.select([STDIN, worker_ended], [], [])
    if worker_ended not in readable and os.getppid() == worker:
        os.kill(worker, signal.SIGKILL)
    os._exit(0)
