"""Becomes a program that the kernel kills with the thread that started it. Linux; elsewhere it only becomes it.

    python attached.py PARENT_PID PROGRAM ARGUMENTS...

A process between, rather than code between fork and exec: that would run in a copy of a process with threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
NO_COMMAND = 127


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(1)  # it was gone before the order
    try:
        os.execvp(program[0], program)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.stderr.write(f"{program[0]}: {error.strerror}\n")
        sys.exit(NO_COMMAND)


if __name__ == "__main__":
    main()
