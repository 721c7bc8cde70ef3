"""What blocks, told apart from the event loop."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class RunBlocking(Protocol):
    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        """Do what blocks in a thread, and wait for it without holding up the event loop."""
