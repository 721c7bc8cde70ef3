"""What fails again and again is tried less and less often."""

from collections.abc import Callable, Iterable

from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import Conflict, LLManagerError
from llmanager.vdb.errors import CollectionNotFound

FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 300.0  # a damaged segment stays so, and finding that out may mean to read and index what is before it

Step = Callable[[], object]


class Patience:
    """Does steps for resources. Whose step fails is left alone for a pause, which doubles until one succeeds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: dict[str, tuple[float, float]] = {}  # the last pause, and when it ends (monotonic)

    def do_all(self, steps: Iterable[tuple[str, Step]]) -> None:
        """One that fails holds up no other. Raises the first error at the end, with a note of whose it is."""
        first: LLManagerError | None = None
        failed: dict[str, tuple[float, float]] = {}  # those that no step names any more are forgotten
        for resource, step in steps:
            before = self._failed.get(resource)
            if before and self._clock.monotonic_s() < before[1]:
                failed[resource] = before
                continue
            try:
                step()
            except (CollectionNotFound, Conflict):
                continue  # deleted or used meanwhile: the next round decides on what is so then
            except LLManagerError as error:
                error.add_note(resource)
                first = first or error
                pause_s = min(LONGEST_PAUSE_S, 2 * before[0]) if before else FIRST_PAUSE_S
                failed[resource] = pause_s, self._clock.monotonic_s() + pause_s
        self._failed = failed
        if first is not None:
            raise first
