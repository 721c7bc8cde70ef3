"""A bounded number of tries for what may be done twice."""

from collections.abc import Callable
from typing import TypeVar

from llmanager.kernel.errors import LLManagerError, Throttled

T = TypeVar("T")
TRIES = 5


def retried(attempt: Callable[[], T], *, on: tuple[type[LLManagerError], ...] = (Throttled,)) -> T:
    """The attempt's result. Name Conflict in `on` only for an attempt that reads anew each time.

    The last try raises what it raises. Without pauses: adapters that talk over a network pause by themselves.
    """
    for _ in range(TRIES - 1):
        try:
            return attempt()
        except on:
            continue
    return attempt()
