"""GET /metrics for Prometheus, and the Meter of the data path that feeds it. No label holds what a user wrote."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from llmanager.api.access import requires
from llmanager.gateway.ports import Keyring, Served
from llmanager.kernel.errors import Retryable
from llmanager.kernel.principal import Principal
from llmanager.models.usecases.fleet import Fleet

Count = Callable[[], Mapping[str, int]]  # by label
SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class PrometheusMeter:
    """Counts every finished request of the data path."""

    def __init__(self, models_by_status: Count, open_by_stage: Count, fleet: Callable[[], Fleet] | None = None) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "llmanager_requests", "Finished requests", ["route", "status", "outcome"], registry=self.registry
        )
        self._tokens = Counter("llmanager_tokens", "Tokens metered", ["direction"], registry=self.registry)
        self._first_byte = Histogram(
            "llmanager_first_byte_seconds", "Request to first byte", ["route"], registry=self.registry, buckets=SECONDS
        )
        self.registry.register(_Now("llmanager_models", "Models that exist", "status", models_by_status))
        self.registry.register(_Now("llmanager_open_requests", "Requests under way", "stage", open_by_stage))
        if fleet is not None:
            self.registry.register(_Spend(fleet))

    def served(self, record: Served) -> None:
        self._requests.labels(record.route, str(record.status), record.outcome).inc()
        if record.usage is not None:
            self._tokens.labels("prompt").inc(record.usage.prompt_tokens)
            self._tokens.labels("completion").inc(record.usage.completion_tokens)
        if record.first_byte_s is not None:
            self._first_byte.labels(record.route).observe(record.first_byte_s)


class _Now(Collector):
    """A gauge that is counted when it is asked for."""

    def __init__(self, name: str, says: str, label: str, count: Count) -> None:
        self._name, self._says, self._label, self._count = name, says, label, count

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(self._name, self._says, labels=[self._label])
        for value, count in sorted(self._count().items()):
            family.add_metric([value], count)
        return [family]


class _Spend(Collector):
    """What the fleet costs now. Left out while the registry cannot be read: the other figures still can."""

    def __init__(self, fleet: Callable[[], Fleet]) -> None:
        self._fleet = fleet

    def describe(self) -> Iterable[Metric]:
        return ()  # without it the registry would be read when this is made

    def collect(self) -> Iterable[Metric]:
        try:
            fleet = self._fleet()
        except Retryable:
            return
        yield GaugeMetricFamily("llmanager_billed_instances", "Instances that are billed now", fleet.instances)
        yield GaugeMetricFamily(
            "llmanager_usd_per_hour", "Cost of what runs now, as far as known", float(fleet.usd_per_hour)
        )
        yield GaugeMetricFamily("llmanager_unpriced_models", "Models that run at an unknown price", fleet.unpriced)
        yield GaugeMetricFamily("llmanager_alarms", "What a person should look at", fleet.alarms)


def metrics_routes(meter: PrometheusMeter, keyring: Keyring) -> APIRouter:
    router = APIRouter()

    @router.get("/metrics", include_in_schema=False)
    def metrics(_caller: Principal = requires(keyring, "admin")) -> Any:
        return Response(generate_latest(meter.registry), media_type=CONTENT_TYPE_LATEST)

    return router
