"""The child's side of a job: its task is one JSON line on stdin, what it tells are JSON lines on stdout.

`{"stage": text}` any number of times, then one of `{"done": result}` and `{"failed": reason, "is_final": bool}`.
End of stdin means that the parent is gone: the child ends too.
"""

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

from llmanager.adapters.local.full_disk import FULL

MIB: Final = 1024 * 1024
RESERVE_BYTES: Final = 64 * MIB  # left free for rows and logs


class JobFailed(Exception):
    def __init__(self, reason: str, *, is_final: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_final = is_final


def tell_stage(stage: str) -> None:
    _tell({"stage": stage})


def serve(work: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Do the one task, tell its result, and return. Unknown errors end the process with a stack on stderr."""
    task = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _tell({"done": work(task)})
    except JobFailed as failure:
        _tell({"failed": failure.reason, "is_final": failure.is_final})
    except OSError as error:
        if error.errno not in FULL:
            raise
        _tell({"failed": "The disk became full. Free some space, then try again.", "is_final": False})


def check_space(needed_bytes: int, free_bytes: int) -> None:
    """Raises JobFailed, with the figures, if that much does not fit on the disk beside our reserve."""
    if needed_bytes + RESERVE_BYTES > free_bytes:
        needed_mib, free_mib = -(-(needed_bytes + RESERVE_BYTES) // MIB), free_bytes // MIB
        raise JobFailed(
            f"The disk is too full: {needed_mib} MiB are needed, {free_mib} MiB are free. Free some space, then try "
            "again.",
            is_final=False,
        )


def _tell(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):  # not through sys.stdin, whose lock would be held when the process ends
        pass
    os._exit(1)
