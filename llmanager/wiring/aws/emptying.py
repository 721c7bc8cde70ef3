"""What a teardown asks of the reaper, `{"do": "empty"}`: no model stays and no index. Segments, files and chats do.

Asked again until nothing is left: what is just being made can be removed only once it is up.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from llmanager.kernel.deadline import check_deadline, deadline
from llmanager.kernel.errors import LLManagerError
from llmanager.models.entities import Desired
from llmanager.models.errors import ModelNotFound
from llmanager.models.usecases.change import delete
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.hibernate import hibernate
from llmanager.wiring.aws.library import vdbs_of
from llmanager.wiring.aws.reaping import Reaper
from llmanager.wiring.aws.reconciling import FENCE_S, STOP_S
from llmanager.wiring.aws.settings import AwsSettings
from llmanager.wiring.aws.stores import stores_of
from llmanager.wiring.aws.tables import tables_of

log = structlog.get_logger()


@dataclass(frozen=True)
class Emptying:
    reaper: Reaper
    vdbs: Collections

    def serve(self, left_s: float) -> dict[str, list[str]]:
        """Names of what is still there. Raises what is Retryable of the table."""
        ends_at_s = self.vdbs.clock.monotonic_s() + left_s
        with deadline(ends_at_s - FENCE_S):
            models = self._without_models(ends_at_s - STOP_S)
            return {"models": models, "indexes": list(self._awake())}

    def _without_models(self, until_s: float) -> list[str]:
        registry = self.reaper.registry
        for model in list(registry.every()):
            if model.desired is not Desired.DELETED:
                with suppress(ModelNotFound):  # somebody else was quicker
                    delete(registry, model.key)
        self.reaper.ending(until_s)
        return [model.name for model in registry.every()]

    def _awake(self) -> Iterator[str]:
        """Those whose index could not be dropped now."""
        for collection in list(self.vdbs.every()):
            if self.vdbs.index(collection).is_up:
                try:
                    hibernate(self.vdbs, collection.key)
                except LLManagerError as error:
                    log.warning("an index could not be dropped now", vdb=collection.name, why=str(error))
                    yield collection.name


def emptying(settings: AwsSettings, reaper: Reaper) -> Emptying:
    """Raises SettingsError."""
    clock = reaper.registry.clock
    tables, stores = tables_of(settings, clock), stores_of(settings, clock)
    return Emptying(reaper, vdbs_of(settings, tables, clock, stores, lambda: check_deadline(clock.monotonic_s())))


def is_asked(event: dict[str, Any]) -> bool:
    return event.get("do") == "empty"  # no schedule sends such a field
