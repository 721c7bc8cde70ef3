"""Reconciling without a process that stays: messages and a minute's round take the place of the local loop.

A message looks at one model, and again while there is something to do at once; for what is due within a minute it
leaves a delayed message. Such a chain ends after a minute, for the round looks at every model that often: neither a
lost message nor a doubled one matters, and chains do not pile up.
"""

import contextvars
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from llmanager.kernel.deadline import deadline
from llmanager.kernel.errors import LLManagerError, Retryable
from llmanager.models.rows import Key
from llmanager.models.usecases.reconcile import Outcome, reconcile_once
from llmanager.models.usecases.registry import Registry
from llmanager.wiring.aws.queues import Queue, Wish

ROUND_S = 60.0  # the schedule of rounds
RETRY_S = 5.0
AT_ONCE = 10  # passes over one model in a row, at most
WORKERS = 4  # models of a round that are looked at at once
FENCE_S = 10.0  # before the function's end nothing is changed any more: what was begun has time to be noted
STOP_S = 15.0  # nor is another model begun

log = structlog.get_logger()


@dataclass(frozen=True)
class Reconciler:
    registry: Registry
    queue: Queue

    def records(self, wishes: Sequence[Wish], left_s: float) -> tuple[Wish, ...]:
        """Look at these; the answer is those that were not looked at, for want of time or an error.

        `left_s`: until this function is ended from outside.
        """
        ends_at_s = self.registry.clock.monotonic_s() + left_s
        owner, failed = self.registry.new_id(), list[Wish]()
        with deadline(ends_at_s - FENCE_S):
            for wish in wishes:
                is_late = self.registry.clock.monotonic_s() >= ends_at_s - STOP_S
                if is_late or not self._attempted(wish, owner, ends_at_s):
                    failed.append(wish)
        return tuple(failed)

    def round(self, left_s: float) -> None:
        """Look at every model; those for which there is no time go to the queue. Raises what is Retryable of both."""
        ends_at_s = self.registry.clock.monotonic_s() + left_s
        until = self.registry.clock.now() + timedelta(seconds=ROUND_S)
        wishes = [Wish(model.key, until) for model in self.registry.every()]

        def looked(wish: Wish) -> bool:
            # An owner of its own: passes over one model never share theirs, whoever else is at it.
            is_late = self.registry.clock.monotonic_s() >= ends_at_s - STOP_S
            return not is_late and self._attempted(wish, self.registry.new_id(), ends_at_s)

        with deadline(ends_at_s - FENCE_S):
            done = in_threads(looked, wishes)
        for wish, is_done in zip(wishes, done, strict=True):
            if not is_done:
                self.queue.send(wish.text)

    def _attempted(self, wish: Wish, owner: str, ends_at_s: float) -> bool:
        try:
            self._look(wish, owner, ends_at_s)
        except LLManagerError as error:  # of the queue: others are caught where they arise
            log.warning("a model is looked at later", model=wish.key[1], why=str(error))
            return False
        except Exception:  # one broken model must not stop the others
            log.exception("reconcile broke", model=wish.key[1])
            return False
        return True

    def _look(self, wish: Wish, owner: str, ends_at_s: float) -> None:
        """Raises what is Retryable of the queue."""
        clock = self.registry.clock
        wish = replace(wish, until=wish.until or clock.now() + timedelta(seconds=ROUND_S))
        for _ in range(AT_ONCE):
            outcome = self._pass(wish.key, owner)
            for other in outcome.others:
                self.queue.send(Wish(other).text)
            if outcome.again_at is None:
                return
            wait_s = (outcome.again_at - clock.now()).total_seconds()
            if wait_s > 0 or clock.monotonic_s() >= ends_at_s - STOP_S:
                break
        if wish.until is not None and clock.now() + timedelta(seconds=max(1.0, wait_s)) < wish.until:
            self.queue.send(wish.text, delay_s=max(1.0, wait_s))

    def _pass(self, key: Key, owner: str) -> Outcome:
        try:
            return reconcile_once(self.registry, key, owner)
        except LLManagerError as error:
            log.warning("reconcile failed and will be repeated", model=key[1], why=str(error))
            wait_s = max(RETRY_S, error.retry_after_s) if isinstance(error, Retryable) else RETRY_S
            return Outcome(self.registry.clock.now() + timedelta(seconds=wait_s))


def in_threads(act: Callable[[Wish], bool], wishes: Iterable[Wish]) -> list[bool]:
    """Each with the deadline that stands here."""
    with ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(contextvars.copy_context().run, act, wish) for wish in wishes]
        return [future.result() for future in futures]
