"""Models on SageMaker: one endpoint a model, one inference component on it; sleeping and waking is its copy count.

The pure parts are next to this file: what is asked (sagemaker_requests), what was seen (sagemaker_seen), what it costs
(sagemaker_quote). Everything here can be repeated at any point, for its names come from the resource's alone.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from llmanager.adapters.aws import sagemaker_calls as calls
from llmanager.adapters.aws import sagemaker_quote, sagemaker_remove
from llmanager.adapters.aws.sagemaker_calls import Clients, asked
from llmanager.adapters.aws.sagemaker_catalog import Catalog, Choice, catalog, choose
from llmanager.adapters.aws.sagemaker_create import Creation
from llmanager.adapters.aws.sagemaker_endpoints import TRAITS, openai_url, protocol_of
from llmanager.adapters.aws.sagemaker_listing import held
from llmanager.adapters.aws.sagemaker_seen import Seen, environment_of, observation, ready_of, served_name
from llmanager.adapters.aws.sagemaker_tags import listed, rewritten
from llmanager.kernel.clock import Clock
from llmanager.models.entities import Held, Memory, ModelSpec, Observation, Order, Quote, Tags
from llmanager.models.ports import Endpoint

METRICS = "/aws/sagemaker/InferenceComponents"
METRIC_PERIOD_S = 60


@dataclass(frozen=True)
class _Served:
    ready: tuple[int, ...]
    name: str | None
    protocol: str


class SageMakerModelHost:
    """A ModelHost. `bearer` gives the Authorization header value for the OpenAI-compatible path; see bearer.py."""

    def __init__(
        self,
        clients: Clients,
        *,
        role_arn: str,
        region: str,
        stage: str,
        clock: Clock,
        bearer: Callable[[], str] | None = None,
        runtime_url: Callable[[], str] | None = None,  # None: AWS's own
        clock_skew_s: float = TRAITS.clock_skew_s,
        hub_token: str | None = None,  # for gated models without weights of one's own
        known: Catalog | None = None,
    ) -> None:
        self.traits = replace(TRAITS, clock_skew_s=clock_skew_s)
        self._clients = clients
        self._role_arn, self._region, self._stage = role_arn, region, stage
        self._clock, self._bearer, self._hub_token = clock, bearer, hub_token
        self._runtime_url = cache(runtime_url or (lambda: f"https://runtime.sagemaker.{region}.amazonaws.com"))
        self._catalog = known or catalog()
        self._lock = threading.Lock()
        self._served: dict[str, _Served] = {}

    def quote(self, spec: ModelSpec) -> Quote:
        return sagemaker_quote.quoted(spec, self._choice(spec), self._catalog.priced_on)

    def observe(self, resource: str) -> Observation:
        seen = self._seen(resource)
        observed = observation(seen)
        environment = environment_of(seen.component) if seen.component is not None else {}
        served = _Served(ready_of(observed), served_name(seen.component), protocol_of(environment))
        with self._lock:
            if served.ready:
                self._served[resource] = served
            else:
                self._served.pop(resource, None)
        if served.ready and self._bearer is not None:
            self._runtime_url(), self._bearer()  # made here rather than on the event loop that sends requests
        return observed

    def start(self, order: Order, replica: int) -> None:
        self._creation(order).go_on()

    def stop(self, resource: str, replica: int) -> None:
        self._offer_below(resource, replica)
        if replica == 0:
            sagemaker_remove.park(self._clients, resource)
        else:
            sagemaker_remove.keep(self._clients, resource, replica)

    def park(self, resource: str) -> None:
        self._offer_below(resource, 0)
        sagemaker_remove.park(self._clients, resource)

    def revise(self, order: Order) -> None:
        self._creation(order).revise(self._clock.now())

    def hold_range(self, resource: str, least: int, most: int) -> None:
        """Without a scalable target nothing is held: `start` makes it with the rest."""
        target = calls.target(self._clients, resource)
        if target is not None:
            calls.set_range(self._clients, resource, target, least, most)

    def retag(self, resource: str, tags: Tags) -> None:
        """The endpoint last: its tags are those that `resources` believes."""
        told = listed(rewritten(tags))
        alarm = calls.alarm(self._clients, resource)
        if alarm is not None:
            call = self._clients.cloudwatch.tag_resource
            calls.ended("tag the alarm", call, ResourceARN=alarm["AlarmArn"], Tags=told)
        arns = [config["EndpointConfigArn"] for config in calls.configs_of(self._clients, resource)]
        component, endpoint = calls.component(self._clients, resource), calls.endpoint(self._clients, resource)
        arns += [component["InferenceComponentArn"]] if component is not None else []
        arns += [endpoint["EndpointArn"]] if endpoint is not None else []
        for arn in arns:
            calls.ended("add tags", self._clients.sagemaker.add_tags, ResourceArn=arn, Tags=told)

    def remove(self, resource: str) -> None:
        sagemaker_remove.remove(self._clients, resource)

    def resources(self) -> tuple[Held, ...]:
        return held(self._clients, self._stage)

    def _offer_below(self, resource: str, replica: int) -> None:
        """The others are asked to end: nobody is sent there any more, whatever becomes of the asking."""
        with self._lock:
            served = self._served.pop(resource, None)
            if served is not None and (kept := tuple(i for i in served.ready if i < replica)):
                self._served[resource] = replace(served, ready=kept)

    def endpoints(self, resource: str) -> tuple[Endpoint, ...]:
        """All copies answer at one address; AWS balances between them."""
        with self._lock:
            served = self._served.get(resource)
        if served is None:
            return ()
        url = openai_url(self._runtime_url(), resource)
        authorization = None if self._bearer is None else self._bearer()
        return tuple(Endpoint(index, url, served.name, authorization, served.protocol) for index in served.ready)

    def missed(self, resource: str) -> None:
        """A request found no copy, whatever was seen last: nobody is sent there until the next look."""
        self._offer_below(resource, 0)

    def suspect(self, resource: str, replica: int) -> None:
        """AWS watches its copies itself, and takes broken ones out of its balancing."""

    def memory(self) -> Memory | None:
        return None

    def gpu_percent(self, resource: str, since: datetime) -> Decimal | None:
        query = {
            "Id": "gpu",
            "MetricStat": {
                "Metric": {
                    "Namespace": METRICS,
                    "MetricName": "GPUUtilizationNormalized",  # 0 to 100, however many GPUs a copy has
                    "Dimensions": [{"Name": "InferenceComponentName", "Value": resource}],
                },
                "Period": METRIC_PERIOD_S,
                "Stat": "Maximum",
            },
        }
        call = self._clients.cloudwatch.get_metric_data
        # AWS rounds down to a whole period, whose beginning would tell of the last request instead.
        start = since + timedelta(seconds=-since.timestamp() % METRIC_PERIOD_S)
        values: list[float] = []
        token: dict[str, Any] = {}
        while True:
            times = {"StartTime": start, "EndTime": max(start, self._clock.now())}
            answer = asked("read GPU use", call, MetricDataQueries=[query], **times, **token)
            values += [value for result in answer.get("MetricDataResults", []) for value in result.get("Values", [])]
            if not answer.get("NextToken"):
                return Decimal(str(max(values))) if values else None
            token = {"NextToken": answer["NextToken"]}

    def _seen(self, resource: str) -> Seen:
        endpoint, component = calls.endpoint(self._clients, resource), calls.component(self._clients, resource)
        target = calls.target(self._clients, resource)
        is_left = False
        if endpoint is None and component is None and target is None:
            is_left = (
                bool(calls.configs_of(self._clients, resource)) or calls.alarm(self._clients, resource) is not None
            )
        return Seen(endpoint, component, target, has_leftovers=is_left)

    def _choice(self, spec: ModelSpec) -> Choice:
        choice = choose(self._catalog, spec, self._region)
        sagemaker_quote.check(spec, choice, has_hub_token=self._hub_token is not None)
        return choice

    def _creation(self, order: Order) -> Creation:
        return Creation(self._clients, self._role_arn, order, self._choice(order.spec), self._hub_token)
