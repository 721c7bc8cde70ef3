"""The reaper's function: every minute what is due sleeps or goes, and what is nobody's is removed.

It works from rows, and goes on where the reconciler does not: models that are to sleep or to go are looked at here too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from llmanager.history.usecases.sweep import sweep_chats
from llmanager.kernel.deadline import deadline
from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.orphans import OrphansInDoubt
from llmanager.models.usecases.reap import reap
from llmanager.models.usecases.reconcile import reconcile_once
from llmanager.models.usecases.registry import Registry
from llmanager.wiring.aws.clients import clients
from llmanager.wiring.aws.clock import ThawedClock
from llmanager.wiring.aws.metrics import SWEEP_STOPS, count
from llmanager.wiring.aws.queues import poking, queue_at
from llmanager.wiring.aws.reconciling import FENCE_S, STOP_S, is_ending
from llmanager.wiring.aws.registry import registry_of
from llmanager.wiring.aws.settings import AwsSettings, there
from llmanager.wiring.aws.tables import tables_of
from llmanager.wiring.aws.vdb_care import vdb_care
from llmanager.wiring.serving.guarded import guarded
from llmanager.wiring.serving.seldom import seldom

log = structlog.get_logger()

Chore = Callable[[], object]
LOGS_S = 3600.0


@dataclass(frozen=True)
class Reaper:
    registry: Registry
    chores: Sequence[Chore]  # besides models; OrphansInDoubt of one is a sweep that stopped

    def serve(self, left_s: float) -> None:
        ends_at_s = self.registry.clock.monotonic_s() + left_s
        stops: list[OrphansInDoubt] = []
        with deadline(ends_at_s - FENCE_S):
            chores: list[Chore] = [self.models, partial(self.ending, ends_at_s - STOP_S), *self.chores]
            for chore in chores:
                if self.registry.clock.monotonic_s() >= ends_at_s - STOP_S:
                    log.warning("no time was left for every chore; the next minute's pass goes on")
                    break
                guarded(partial(noting, chore, stops))
        count(self.registry.stage, {SWEEP_STOPS: len(stops)}, self.registry.clock.now())

    def models(self) -> None:
        """Raises what is Retryable of the table, and OrphansInDoubt."""
        report = reap(self.registry, self.registry.new_id(), dry_run=False)
        for due in report.due:
            log.info("a model is due", model=due.key[1], deed=due.deed.value, why=due.why, is_begun=due.is_begun)
        for failure in report.failures:
            log.warning("a model could not be reaped now", model=failure.key[1], why=str(failure.error))
        report.orphans.check()

    def ending(self, until_s: float) -> None:
        """Raises what is Retryable of the table."""
        for model in filter(is_ending, self.registry.every()):
            if self.registry.clock.monotonic_s() >= until_s:
                return
            try:
                reconcile_once(self.registry, model.key, self.registry.new_id())
            except LLManagerError as error:
                log.warning("a model's end is tried again", model=model.name, why=str(error))


def noting(chore: Chore, stops: list[OrphansInDoubt]) -> None:
    try:
        chore()
    except OrphansInDoubt as stop:
        stops.append(stop)
        raise


def limit_logs(stage: str) -> None:
    """Raises what is Retryable of CloudWatch."""
    from llmanager.adapters.aws.log_groups import ModelLogs

    if limited := ModelLogs(clients().logs, stage).limit():
        log.info("logs of models have an end now", groups=limited)


def reaper(settings: AwsSettings) -> Reaper:
    """Raises SettingsError."""
    from llmanager.wiring.aws.sagemaker_roles import EndingHost

    clock = ThawedClock()  # what is done seldom counts the time between invocations too
    tables = tables_of(settings, clock)
    poke = poking(queue_at(there(settings.reconcile_queue, "LLMANAGER_RECONCILE_QUEUE_URL")))
    registry = registry_of(settings, tables, clock, poke, EndingHost)
    chores: list[Chore] = [partial(sweep_chats, tables("history")), *vdb_care(settings, tables, clock)]
    if settings.common.sagemaker is not None:
        chores.append(seldom(partial(limit_logs, registry.stage), LOGS_S, clock))
    return Reaper(registry, chores)
