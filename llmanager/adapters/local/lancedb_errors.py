"""LanceDB's errors in our words. Its texts name paths and source lines: they stay in the chain, for the log."""

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from llmanager.adapters.local.full_disk import disk_is_full
from llmanager.kernel.errors import LLManagerError, Throttled
from llmanager.vdb.errors import IndexDamaged, IndexMissing

Result = TypeVar("Result")

ATTEMPTS = 12
PAUSE_S = 0.02  # grows with the attempts; at most about 2 s together

_CONFLICT = re.compile(r"commit conflict|concurrent transaction|concurrent writers|already exists", re.IGNORECASE)
_FULL = re.compile(r"no space left on device|os error 28\b|quota exceeded", re.IGNORECASE)
_DAMAGED = re.compile(  # what Lance says of files that are gone, cut short or overwritten
    r"not found: \S+\.lance|no such file|corrupt|invalid magic|invalid range|failed to fill whole buffer"
    r"|file size is too small|correct footer|root as footer|overflowing position|failed to decode protobuf"
    r"|length of the sliced buffer|outside file|unsupported index version|metadata not found"
    r"|does not have sufficient data|column '?id'? (?:not found|does not exist)",
    re.IGNORECASE,
)


@contextmanager
def translated(is_gone: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Raises IndexMissing where the index `is_gone`, OutOfSpace, Throttled or IndexDamaged for what the error says."""
    try:
        yield
    except (RuntimeError, ValueError, OSError) as error:  # all that the binding raises: only their texts differ
        ours = IndexMissing() if is_gone() else in_our_words(error)
        if ours is None:
            raise
        raise ours from error


def in_our_words(error: Exception) -> LLManagerError | None:
    """None for what we know nothing of: a bug, to be raised as it is."""
    if _FULL.search(str(error)):
        return disk_is_full()
    if _is_conflict(error):
        return Throttled("Other writers keep the vector database busy. Try again soon.")
    if _DAMAGED.search(str(error)):
        return IndexDamaged()
    return None


def persist(act: Callable[[], Result], attempts: int = ATTEMPTS) -> Result:
    """Lance settles what it can by itself; what remains of a race with another process is worth another attempt."""
    for attempt in range(1, attempts):
        try:
            return act()
        except RuntimeError as error:
            if not _is_conflict(error):
                raise
            time.sleep(PAUSE_S * attempt * random.random())
    return act()


def _is_conflict(error: Exception) -> bool:
    return isinstance(error, RuntimeError) and _CONFLICT.search(str(error)) is not None
