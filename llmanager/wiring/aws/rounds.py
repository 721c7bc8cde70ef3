"""The reconciler's function: a message looks at one model, the minute's schedule at all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from llmanager.kernel.clock import SystemClock
from llmanager.kernel.errors import InvalidInput
from llmanager.models.alarms import is_leaving_late, is_past_its_time
from llmanager.models.usecases.registry import Registry
from llmanager.wiring.aws.metrics import FAILED_DELETES, PAST_TTL, count
from llmanager.wiring.aws.queues import Wish, queue_at
from llmanager.wiring.aws.reconciling import Reconciler
from llmanager.wiring.aws.registry import registry_of
from llmanager.wiring.aws.settings import AwsSettings, there
from llmanager.wiring.aws.tables import tables_of
from llmanager.wiring.serving.alarms import Alarms
from llmanager.wiring.serving.guarded import guarded

log = structlog.get_logger()


@dataclass(frozen=True)
class Rounds:
    reconciler: Reconciler
    alarms: Alarms

    def serve(self, event: Mapping[str, Any], left_s: float) -> dict[str, Any]:
        """Records of the queue, else a round. Answers the records that are to come again. Raises what a round does."""
        if "Records" in event:
            failed = self._records(event["Records"], left_s)
            return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
        guarded(self.alarms.look)
        guarded(self.tell)
        self.reconciler.round(left_s)
        return {}

    def tell(self) -> None:
        """Numbers for CloudWatch's alarms. Raises what is Retryable of the table."""
        registry = self.reconciler.registry
        now, models = registry.clock.now(), list(registry.every())
        late = sum(is_leaving_late(model, now) for model in models)
        past = sum(is_past_its_time(model, now) for model in models)
        count(registry.stage, {FAILED_DELETES: late, PAST_TTL: past}, now)

    def _records(self, records: Sequence[Mapping[str, Any]], left_s: float) -> list[str]:
        wishes: dict[str, Wish] = {}
        failed: list[str] = []
        for record in records:
            try:
                wishes[record["messageId"]] = Wish.of(record["body"])
            except InvalidInput as error:  # it comes again a few times, and ends in the queue of what nobody can read
                log.error("a message makes no sense", message_id=record["messageId"], why=str(error))
                failed.append(record["messageId"])
        undone = self.reconciler.records(tuple(dict.fromkeys(wishes.values())), left_s)
        return failed + [message_id for message_id, wish in wishes.items() if wish in undone]


def rounds_of(registry: Registry, reconciler: Reconciler) -> Rounds:
    return Rounds(reconciler, Alarms(registry))


def rounds(settings: AwsSettings) -> Rounds:
    """Raises SettingsError."""
    clock = SystemClock()
    registry = registry_of(settings, tables_of(settings, clock), clock, changed=lambda _: None)
    queue = queue_at(there(settings.reconcile_queue, "LLMANAGER_RECONCILE_QUEUE_URL"))
    return rounds_of(registry, Reconciler(registry, queue))
