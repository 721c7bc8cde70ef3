"""Reconciling without a process that stays: messages and a minute's round take the place of the local loop.

A message looks at one model, and again while that changes something; for what is due within a minute, and for a model
that is on its way, it leaves a delayed message. Such a chain ends after a minute, for the round looks at every model
that often: neither a lost message nor a doubled one matters, and chains do not pile up.
"""

import contextvars
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from llmanager.kernel.deadline import deadline
from llmanager.kernel.errors import LLManagerError, Retryable
from llmanager.kernel.queues import Queue
from llmanager.models.entities import Desired, Model, Status
from llmanager.models.reconcile import status
from llmanager.models.rows import Key
from llmanager.models.usecases.reconcile import Outcome, reconcile_once
from llmanager.models.usecases.registry import Registry
from llmanager.wiring.aws.queues import Wish

ROUND_S = 60.0  # the schedule of rounds
RETRY_S = 5.0
MOVING_S = 10.0  # between looks at a model that is on its way
MOVING = (Status.CREATING, Status.WAKING, Status.UPDATING)
AT_ONCE = 10  # passes over one model in a row, at most
WORKERS = 4  # models of a round that are looked at at once
FENCE_S = 10.0  # before the function's end nothing is changed any more: what was begun has time to be noted
STOP_S = 15.0  # nor is another model begun

log = structlog.get_logger()


class Reconciler:
    def __init__(self, registry: Registry, queue: Queue) -> None:
        self._written: set[Key] = set()  # since the pass that looks at it now began
        self.registry = replace(registry, changed=self._written.add)
        self._queue = queue

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
                self._queue.send(wish.message)

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
        until = wish.until or clock.now() + timedelta(seconds=ROUND_S)
        again_at = clock.now()
        for _ in range(AT_ONCE):
            self._written.discard(wish.key)
            outcome = self._pass(wish.key, owner)
            for other in outcome.others:
                self._queue.send(Wish(other).message)
            again_at = min(outcome.again_at or until, self._looks_again_at(wish.key) or until)
            is_done = again_at > clock.now() and wish.key not in self._written
            if is_done or clock.monotonic_s() >= ends_at_s - STOP_S:
                break
        wait_s = max(1.0, (again_at - clock.now()).total_seconds())
        if clock.now() + timedelta(seconds=wait_s) < until:
            self._queue.send(replace(wish, until=until).message, delay_s=wait_s)

    def _looks_again_at(self, key: Key) -> datetime | None:
        """Hosts in a cloud tell nobody how far they are. None: there is nothing to wait for."""
        try:
            model = self.registry.find(key)
        except Retryable:
            return None  # the pass failed too, and has said when to come again
        is_moving = model is not None and (status(model) in MOVING or is_ending(model))
        return self.registry.clock.now() + timedelta(seconds=MOVING_S) if is_moving else None

    def _pass(self, key: Key, owner: str) -> Outcome:
        try:
            return reconcile_once(self.registry, key, owner)
        except LLManagerError as error:
            log.warning("reconcile failed and will be repeated", model=key[1], why=str(error))
            wait_s = max(RETRY_S, error.retry_after_s) if isinstance(error, Retryable) else RETRY_S
            return Outcome(self.registry.clock.now() + timedelta(seconds=wait_s))


def is_ending(model: Model) -> bool:
    """Whether it is to sleep or to go, and did not yet when it was last looked at."""
    if model.desired is Desired.ASLEEP:
        return bool(model.observed.replicas) or model.observed.instances > 0
    return model.desired is Desired.DELETED


def in_threads(act: Callable[[Wish], bool], wishes: Iterable[Wish]) -> list[bool]:
    """Each with the deadline that stands here."""
    with ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(contextvars.copy_context().run, act, wish) for wish in wishes]
        return [future.result() for future in futures]
