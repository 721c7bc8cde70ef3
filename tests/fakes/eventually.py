"""Waiting for real processes: bounded, and as short as the machine allows."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
DEADLINE_S = 60.0
POLL_S = 0.01
FAR_DEADLINE_S, FAR_POLL_S = 300.0, 0.25  # of what runs elsewhere


class _Patience:
    """Set once, by a session's options."""

    deadline_s, poll_s = DEADLINE_S, POLL_S


def be_patient() -> None:
    _Patience.deadline_s, _Patience.poll_s = FAR_DEADLINE_S, FAR_POLL_S


def eventually(probe: Callable[[], T], is_wanted: Callable[[T], object] = bool, *, within_s: float | None = None) -> T:
    """What `probe` gives as soon as that is wanted; without `is_wanted`, as soon as it is true."""
    patience_s = _Patience.deadline_s if within_s is None else within_s
    deadline_s = time.monotonic() + patience_s
    while not is_wanted(found := probe()):
        assert time.monotonic() < deadline_s, f"still {found!r} after {patience_s:g} s"
        time.sleep(_Patience.poll_s)
    return found
