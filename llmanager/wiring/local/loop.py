"""The thread that reconciles: keys fall due because something changed, or because their time has come."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog

from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import LLManagerError
from llmanager.models.rows import Key
from llmanager.models.usecases.reconcile import Outcome

RETRY_S = 1.0
log = structlog.get_logger()


class ReconcileLoop:
    """Calls `reconcile` for every key that is due, one at a time, until it is closed."""

    def __init__(
        self, reconcile: Callable[[Key], Outcome], every_key: Callable[[], list[Key]], clock: Clock, period_s: float
    ) -> None:
        self._reconcile, self._every_key, self._clock, self._period_s = reconcile, every_key, clock, period_s
        self._due: list[tuple[float, int, Key]] = []  # monotonic seconds, a tie-breaker, the key
        self._earliest: dict[Key, float] = {}
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="reconcile", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def poke(self, key: Key, in_s: float = 0.0) -> None:
        """Have the key looked at then, or earlier. From any thread."""
        at = time.monotonic() + max(0.0, in_s)
        with self._changed:
            if self._earliest.get(key, float("inf")) > at:
                self._earliest[key] = at
                heapq.heappush(self._due, (at, next(self._order), key))
                self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        next_round = 0.0
        while True:
            if time.monotonic() >= next_round:
                next_round = time.monotonic() + self._period_s
                self._guarded(self._poke_all)
            key = self._next(next_round)
            if self._is_closing:
                return
            if key is not None:
                self._guarded(partial(self._once, key))

    def _next(self, until: float) -> Key | None:
        with self._changed:
            while not self._is_closing:
                now = time.monotonic()
                if self._due and self._due[0][0] <= now:
                    at, _, key = heapq.heappop(self._due)
                    if self._earliest.get(key) != at:
                        continue  # an earlier entry for this key has been served
                    del self._earliest[key]
                    return key
                if now >= until:
                    return None
                self._changed.wait(min(until, self._due[0][0] if self._due else until) - now)
            return None

    def _once(self, key: Key) -> None:
        try:
            outcome = self._reconcile(key)
        except LLManagerError as error:
            log.warning("reconcile failed, will be repeated", model=key[1], why=str(error))
            self.poke(key, RETRY_S)
            return
        for other in outcome.others:
            self.poke(other)
        if outcome.again_at is not None:
            self.poke(key, self._seconds_until(outcome.again_at))

    def _seconds_until(self, at: datetime) -> float:
        return max(0.01, (at - self._clock.now()).total_seconds())

    def _poke_all(self) -> None:
        for key in self._every_key():
            self.poke(key)

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception:  # the outermost loop: one broken key must not stop the others for ever
            log.exception("reconcile broke")
            time.sleep(RETRY_S)
