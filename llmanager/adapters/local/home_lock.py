"""One server a home: a lock that the kernel lets go of when its holder dies, however it dies."""

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType

from llmanager.kernel.errors import Conflict

PID_BYTES = 20  # written over the last one in place: a file that was cut first might find no room again


class HomeInUse(Conflict):
    code = "home_in_use"

    def __init__(self, pid: str) -> None:
        super().__init__(
            f"Another LLManager server (process {pid}) uses this home. "
            "Stop it, or give this one another LLMANAGER_HOME."
        )


class HomeLock:
    """Held from `with HomeLock(home):` to its end, or to the end of the process. The folder must exist.

    Child processes do not inherit it. Raises HomeInUse if another process, or another HomeLock, holds it.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / "server.lock"
        self._descriptor: int | None = None

    def __enter__(self) -> "HomeLock":
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, PID_BYTES, 0).decode().strip() or "unknown"
            os.close(descriptor)
            raise HomeInUse(holder) from None
        with contextlib.suppress(OSError):  # a full disk: the number is a courtesy, the lock is what counts
            os.pwrite(descriptor, f"{os.getpid()}".ljust(PID_BYTES).encode(), 0)
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The file stays: removing it would let a third process lock a file that nobody else sees."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
