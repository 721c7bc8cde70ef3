"""How long what is being done in this process may go on: a function is stopped without a word when its time is over."""

import threading

from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import Unavailable


class OutOfTime(Unavailable):
    code = "out_of_time"

    def __init__(self) -> None:
        super().__init__("This takes longer than one request may. It goes on; ask again.", retry_after_s=10)


class TimeLeft:
    """Of the invocation that runs; before the first there is no end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends_at_s: float | None = None
        self._lock = threading.Lock()

    def begin(self, seconds: float) -> None:
        with self._lock:
            self._ends_at_s = self._clock.monotonic_s() + seconds

    def seconds(self) -> float:
        with self._lock:
            return float("inf") if self._ends_at_s is None else self._ends_at_s - self._clock.monotonic_s()

    def check(self, spare_s: float = 0.0) -> None:
        """Between two steps of what takes long. Raises OutOfTime: what was done by then is as a crash leaves it."""
        if self.seconds() <= spare_s:
            raise OutOfTime
