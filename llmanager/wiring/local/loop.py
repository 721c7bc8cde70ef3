"""The threads that reconcile: keys fall due because something changed, or because their time has come."""

import heapq
import itertools
import math
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import structlog

from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import LLManagerError, Retryable
from llmanager.models.rows import Key
from llmanager.models.usecases.reconcile import Outcome

WORKERS = 4
SLOW_WORKERS = 2  # of them at most wait for slow hosts: the others are there for the rest
SLOW_AGAIN_S = 0.25  # until one that found no such worker free is tried again
RETRY_S = 1.0
SOONEST_S = 0.01
CLOSE_S = 20.0
log = structlog.get_logger()


class ReconcileLoop:
    """Calls `reconcile` for every key that is due: several keys at once, one key never twice at once.

    `is_slow`: whether the key's host is asked over a network, where one question may hang for long.

    Every `period_s` `rounds` is asked for keys to look at whatever happened, and each of `chores` is done; one that
    fails holds up no other. A slow host holds up its own models only.
    """

    def __init__(
        self,
        reconcile: Callable[[Key], Outcome],
        rounds: Callable[[], Iterable[Key]],
        clock: Clock,
        period_s: float,
        chores: Sequence[Callable[[], object]] = (),
        longest_s: float | None = None,
        is_slow: Callable[[Key], bool] = lambda _: False,
    ) -> None:
        """`longest_s`: between two rounds that look at one key; a wish for later is left to them. None: a period."""
        self._is_slow, self._slow = is_slow, threading.Semaphore(SLOW_WORKERS)
        self._chores, self._longest_s = chores, period_s if longest_s is None else longest_s
        self._reconcile, self._rounds, self._clock, self._period_s = reconcile, rounds, clock, period_s
        self._due: list[tuple[float, int, Key]] = []  # monotonic seconds, a tie-breaker, the key
        self._earliest: dict[Key, float] = {}
        self._busy: set[Key] = set()
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._is_closing = False
        names = ["reconcile-rounds", *(f"reconcile-{n}" for n in range(WORKERS))]
        works = [self._go_round, *[self._work] * WORKERS]
        self._threads = [threading.Thread(target=w, name=n, daemon=True) for n, w in zip(names, works, strict=True)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def poke(self, key: Key, in_s: float = 0.0) -> None:
        """Have the key looked at then, or earlier. From any thread."""
        at = self._clock.monotonic_s() + max(0.0, in_s)
        with self._changed:
            if self._earliest.get(key, math.inf) > at:
                self._earliest[key] = at
                heapq.heappush(self._due, (at, next(self._order), key))
                self._changed.notify_all()

    def close(self) -> None:
        """Waits for passes that run."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout=CLOSE_S)

    def _go_round(self) -> None:
        while not self._is_closing:
            for step in (self._poke_all, *self._chores):
                self._guarded(step)
            with self._changed:
                self._changed.wait_for(lambda: self._is_closing, timeout=self._period_s)

    def _work(self) -> None:
        while (key := self._next()) is not None:
            try:
                self._guarded(partial(self._once, key))
            finally:
                with self._changed:
                    self._busy.discard(key)
                    self._changed.notify_all()

    def _next(self) -> Key | None:
        """The next key that is due and not being reconciled; None when the loop is closing."""
        with self._changed:
            while not self._is_closing:
                now_s = self._clock.monotonic_s()
                key = self._pop_due(now_s)
                if key is not None:
                    self._busy.add(key)
                    return key
                waits = [at for at, _, key in self._due if key not in self._busy]
                self._changed.wait(max(0.0, min(waits) - now_s) if waits else None)
            return None

    def _pop_due(self, now_s: float) -> Key | None:
        passed_over, found = [], None
        while found is None and self._due and self._due[0][0] <= now_s:
            entry = heapq.heappop(self._due)
            at, _, key = entry
            if self._earliest.get(key) != at:
                continue  # an earlier entry of this key was served
            if key in self._busy:
                passed_over.append(entry)
            else:
                del self._earliest[key]
                found = key
        for entry in passed_over:
            heapq.heappush(self._due, entry)
        return found

    def _once(self, key: Key) -> None:
        try:
            outcome = self._outcome(key)
        except LLManagerError as error:
            log.warning("reconcile failed and will be repeated", model=key[1], why=str(error))
            self.poke(key, max(RETRY_S, error.retry_after_s) if isinstance(error, Retryable) else RETRY_S)
            return
        if outcome is None:
            self.poke(key, SLOW_AGAIN_S)
            return
        for other in outcome.others:
            self.poke(other)
        if outcome.again_at is not None:
            wait_s = (outcome.again_at - self._clock.now()).total_seconds()
            if wait_s < self._longest_s:  # what is later is the next round's, or far wishes would pile up here
                self.poke(key, max(SOONEST_S, wait_s))

    def _outcome(self, key: Key) -> Outcome | None:
        """None: it may take long, and enough workers are at such keys."""
        if not self._is_slow(key):
            return self._reconcile(key)
        if not self._slow.acquire(blocking=False):
            return None
        try:
            return self._reconcile(key)
        finally:
            self._slow.release()

    def _poke_all(self) -> None:
        for key in self._rounds():
            self.poke(key)

    def _guarded(self, step: Callable[[], object]) -> None:
        try:
            step()
        except LLManagerError as error:
            log.warning("a round was cut short and will be repeated", why=str(error))
        except Exception:  # the outermost loop: one broken key must not stop the others for ever
            log.exception("reconcile broke")
