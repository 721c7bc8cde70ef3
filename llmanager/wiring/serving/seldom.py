"""Chores that need not be done in every round."""

from collections.abc import Callable

from llmanager.kernel.clock import Clock


def seldom(chore: Callable[[], object], every_s: float, clock: Clock) -> Callable[[], None]:
    """The chore, done at once and then at most every `every_s` however often it is called; one that failed is due."""
    due_s = clock.monotonic_s()

    def when_due() -> None:
        nonlocal due_s
        if clock.monotonic_s() >= due_s:
            chore()
            due_s = clock.monotonic_s() + every_s

    return when_due
