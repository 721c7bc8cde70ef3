"""A worker process: in a group of its own, and gone with the emulator however that ends.

On Linux the kernel kills it when the thread that started it ends (attached.py); elsewhere, and for programs that heed
it, its stdin ends.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE_S = 1.0
LOOK_S = 0.02
ERRORS = 2  # the file descriptor
ATTACHED = Path(__file__).with_name("attached.py")


def spawn(argv: Sequence[str], env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """What it prints goes where the emulator's errors go. Raises OSError."""
    return subprocess.Popen(  # noqa: S603 - the command is from the engines file
        [sys.executable, "-IS", str(ATTACHED), str(os.getpid()), *argv],
        env=dict(env),
        stdin=subprocess.PIPE,
        stdout=ERRORS,
        start_new_session=True,
    )


async def end(process: "subprocess.Popen[bytes]") -> None:
    """Its whole group: asked first, then killed. Returns when the worker is reaped."""
    if process.stdin is not None:
        process.stdin.close()
    for harder in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter: macOS, a group of zombies
            os.killpg(process.pid, harder)
        for _ in range(int(PATIENCE_S / LOOK_S)):
            if process.poll() is not None:
                break
            await asyncio.sleep(LOOK_S)
    process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
