"""Waiting for real processes: bounded, and as short as the machine allows."""

import time
from collections.abc import Callable
from typing import TypeVar

import psutil

from tests.fakes.survivors import children

T = TypeVar("T")
DEADLINE_S = 20.0


def eventually(is_so: Callable[[], T]) -> T:
    """What `is_so` gives as soon as that is true."""
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        if found := is_so():
            return found
        time.sleep(0.005)
    raise AssertionError(f"it did not come true in {DEADLINE_S:g} s")


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def live_children() -> list[psutil.Process]:
    """Processes that this one started and that still run."""
    return [child for child in children() if is_alive(child)]
