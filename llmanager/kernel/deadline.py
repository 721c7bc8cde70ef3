"""A deadline that travels with the work, so that an adapter can refuse to act too late, at the last moment.

A pass that was frozen after it decided (a paused process, a stuck connection) must not act when it thaws: somebody else
may have decided otherwise since. Leases cannot stop it, for clouds do not know them; its own clock can.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from llmanager.kernel.errors import Throttled

_ends_at_s: ContextVar[float | None] = ContextVar("deadline", default=None)


class TooLate(Throttled):
    """The work took too long, and its last step was not taken."""

    code = "too_late"


@contextmanager
def deadline(ends_at_s: float) -> Iterator[None]:
    """Until then (Clock.monotonic_s) the block may change things. An inner one cannot lengthen an outer one."""
    outer = _ends_at_s.get()
    token = _ends_at_s.set(ends_at_s if outer is None else min(outer, ends_at_s))
    try:
        yield
    finally:
        _ends_at_s.reset(token)


def check_deadline(now_s: float) -> None:
    """Call right before an effect that nothing else guards. Without a deadline it always passes. Raises TooLate."""
    ends_at_s = _ends_at_s.get()
    if ends_at_s is not None and now_s >= ends_at_s:
        raise TooLate(
            "The work took longer than its lease and was given up before it changed anything. It is repeated."
        )
