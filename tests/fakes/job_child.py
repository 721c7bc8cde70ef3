"""A child for tests of Jobs: its task is a list of steps, done one after the other."""

import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmanager.adapters.local.job_child import JobFailed, check_space, serve, tell_stage


def _full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def _fail(reason: str, is_final: bool) -> None:
    raise JobFailed(reason, is_final=is_final)


def _wait_for(path: str) -> None:
    while not Path(path).exists():
        time.sleep(0.005)


STEPS: dict[str, Callable[..., object]] = {
    "say": tell_stage,
    "print": lambda text: sys.stdout.write(text + "\n"),
    "fail": _fail,
    "crash": lambda: 1 // 0,
    "full": _full,
    "space": check_space,
    "until": _wait_for,
}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Its steps are [name, argument, ...]. Tells its environment as its result."""
    for name, *arguments in task["steps"]:
        STEPS[name](*arguments)
    return {"environment": sorted(os.environ)}


if __name__ == "__main__":
    serve(work)
