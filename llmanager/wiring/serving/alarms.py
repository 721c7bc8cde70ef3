"""What a person should look at, told once when it appears and once when it is over."""

import structlog

from llmanager.models.alarms import alarms
from llmanager.models.rows import Key
from llmanager.models.usecases.registry import Registry

log = structlog.get_logger()


class Alarms:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._told: frozenset[tuple[Key, str]] = frozenset()

    def look(self) -> None:
        """To be called now and then, by one thread. Raises what is Retryable of the table."""
        now = self._registry.clock.now()
        seen = frozenset((model.key, alarm) for model in self._registry.every() for alarm in alarms(model, now))
        for (tenant, name), alarm in sorted(seen - self._told):
            log.warning("alarm", tenant=tenant, model=name, why=alarm)
        for (tenant, name), alarm in sorted(self._told - seen):
            log.info("alarm is over", tenant=tenant, model=name, why=alarm)
        self._told = seen
