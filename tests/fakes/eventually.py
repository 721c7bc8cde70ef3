"""Waiting for real processes: bounded, and as short as the machine allows."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
DEADLINE_S = 60.0


def eventually(probe: Callable[[], T], is_wanted: Callable[[T], object] = bool, *, within_s: float = DEADLINE_S) -> T:
    """What `probe` gives as soon as that is wanted; without `is_wanted`, as soon as it is true."""
    deadline_s = time.monotonic() + within_s
    while not is_wanted(found := probe()):
        assert time.monotonic() < deadline_s, f"still {found!r} after {within_s:g} s"
        time.sleep(0.01)
    return found
