"""One emulated AWS account: its clients, its clock, its bill, and what tests may do behind its back."""

import hashlib
import marshal
from collections.abc import Callable, Mapping
from dataclasses import astuple
from decimal import Decimal
from typing import Any

from emulator.bill import Bill
from emulator.client import Client, exceptions
from emulator.conditions import Quotas, Timing
from emulator.contract import contract, refuse
from emulator.errors import Params, Refusal, fresh, response
from emulator.faults import BeforeSend, Crash, Directive, Gate, Planned, timeout
from emulator.instants import Clock, to_us, us
from emulator.operations import OPERATIONS, READS, THROTTLED
from emulator.progress import advance, forget, refresh
from emulator.sagemaker.components import invoke
from emulator.sagemaker.containers import Container, Containers, containers
from emulator.sagemaker.endpoints import remove
from emulator.truth import Billable, billable
from emulator.watching.alarms import breach
from emulator.world import World


class Cloud:
    """`lag_s` is how late every read is; `stale_s` how late a read is that the gate calls "stale".

    `containers`: whoever runs real ones for the copies; None: copies are up when their time has come.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        prices: Mapping[str, Decimal],
        quotas: Quotas | None = None,
        timing: Timing | None = None,
        capacity: Mapping[str, int] | None = None,
        region: str = "us-east-1",
        account: str = "123456789012",
        lag_s: float = 0,
        stale_s: float = 0,
        page_size: int | None = None,
        gate: Gate | None = None,
        before_send: BeforeSend | None = None,
        crash: type[BaseException] = Crash,
        containers: Containers | None = None,
    ) -> None:
        self.clock = clock
        self.region = region
        self.account = account
        self._bill = Bill()
        self.gate = gate
        self.before_send = before_send
        self._prices = prices
        self._quotas = quotas or Quotas()
        self._timing = timing or Timing()
        self._capacity = dict(capacity or {})
        self._lag_s = lag_s
        self._stale_s = stale_s
        self._page_size = page_size
        self._crash = crash
        self._containers = containers
        self._planned: list[Planned] = []
        self._clients: dict[tuple[str, str], Client] = {}
        self._worlds: dict[str, World] = {}
        self._contracts = {service: contract(service) for service in OPERATIONS}

    @property
    def bill(self) -> Bill:
        """As of now: whatever ended meanwhile has its end."""
        for region in self._worlds:
            self.world(region)
        return self._bill

    def client(self, service: str, region_name: str | None = None) -> Client:
        key = (service, region_name or self.region)
        if key not in self._clients:
            self._clients[key] = Client(self, *key)
        return self._clients[key]

    def world(self, region: str | None = None) -> World:
        """The state of one region as of now."""
        world = self._worlds.get(region or self.region)
        if world is None:
            world = self._world_of(region or self.region)
        advance(world, to_us(self.clock.now()))
        return world

    def _world_of(self, region: str) -> World:
        keep_us = us(max(self._lag_s, self._stale_s))
        world = World(self.account, region, self._timing, self._quotas, self._prices, self._bill, keep_us)
        world.lag_us, world.page_size, world.capacity = us(self._lag_s), self._page_size, dict(self._capacity)
        world.containers = self._containers
        self._worlds[region] = world
        return world

    def call(
        self,
        service: str,
        operation: str,
        params: Params,
        region: str | None = None,
        before_send: BeforeSend | None = None,
    ) -> Params:
        """One request. Raises what boto3's clients raise."""
        fault = self._contracts[service].check_request(operation, params)
        directive = self.gate(service, operation, params) if self.gate else None
        for send in (self.before_send, before_send):
            if send is not None:
                send(operation)
        world = self.world(region)
        try:
            answer = self._perform(world, service, operation, params, fault, directive)
        except Refusal as refusal:
            self._fail(directive, service, world)
            raise self._error(service, operation, refusal) from None
        self._fail(directive, service, world)
        return answer

    def _fail(self, directive: Directive | None, service: str, world: World) -> None:
        if directive == "timeout after effect":
            raise timeout(service, world.region)
        if directive == "crash after":
            raise self._crash

    def _error(self, service: str, operation: str, refusal: Refusal) -> Exception:
        kind = exceptions(service).from_code(refusal.code)
        error: Exception = kind(response(refusal.code, refusal.message), operation)
        return error

    def _perform(
        self,
        world: World,
        service: str,
        operation: str,
        params: Params,
        fault: str | None,
        directive: Directive | None,
    ) -> Params:
        if directive == "throttle" or is_too_fast(world):
            raise Refusal(THROTTLED.get(service, "ThrottlingException"), "Rate exceeded")
        planned = self._take_planned(operation)
        if planned and not planned.after_effect:
            raise planned.refusal()
        refuse(fault)
        lag_us = world.lag_us
        if directive == "stale":
            world.lag_us = us(self._stale_s)
        try:
            if operation in READS:
                found = OPERATIONS[service][operation](world, params)
            else:
                found = OPERATIONS[service][operation](world, fresh(params))
                refresh(world)
        finally:
            world.lag_us = lag_us
        self._contracts[service].check_answer(operation, found)
        if planned:
            raise planned.refusal()
        found["ResponseMetadata"] = {"HTTPStatusCode": 200, "RequestId": "emulated", "RetryAttempts": 0}
        return found

    def _take_planned(self, operation: str) -> Planned | None:
        for index, planned in enumerate(self._planned):
            if planned.is_for(operation):
                return self._planned.pop(index)
        return None

    # What tests do behind the services' backs.

    def fail_next(self, operation: str, code: str, message: str = "", after_effect: bool = False) -> None:
        """The next call of this operation is answered with this error."""
        self._planned.append(Planned(operation, code, message, after_effect))

    def invoke(self, endpoint: str, component: str | None = None, region: str | None = None) -> None:
        """A request to a model. Raises ClientError ValidationError when nobody is there to answer."""
        world = self.world(region)
        try:
            invoke(world, endpoint, component)
        except Refusal as refusal:
            if component is not None and "no capacity" in refusal.message:
                breach(world, component)
            refresh(world)
            raise self._error("sagemaker", "InvokeEndpoint", refusal) from None

    def load(
        self, component: str, concurrent_requests: float, gpu_percent: float = 0, region: str | None = None
    ) -> None:
        """From now on the component has so many requests at once, over all its copies, and its GPUs are so busy."""
        world = self.world(region)
        series = world.series_of(component)
        series.requests, series.gpu_percent = concurrent_requests, gpu_percent
        found = world.components.live.get(component)
        series.measure(world.at_us, found.up if found else 0)
        refresh(world)

    def vanish(self, endpoint: str, region: str | None = None) -> None:
        """The endpoint disappears by itself, with its components and instances.

        https://github.com/aws/sagemaker-python-sdk/issues/3252
        """
        self._change(region, lambda world: remove(world, world.endpoints.live[endpoint]))

    def stick(self, name: str, kind: str = "inference-component", region: str | None = None) -> None:
        """No transition of this endpoint or inference component ends, until `unstick`."""
        self._change(region, lambda world: world.stuck.add((kind, name)))

    def unstick(self, name: str, kind: str = "inference-component", region: str | None = None) -> None:
        self._change(region, lambda world: world.stuck.discard((kind, name)))

    def break_containers(self, name: str, is_broken: bool = True, region: str | None = None) -> None:
        """Containers of this component (or endpoint with a model) that start from now on never get healthy."""
        self._change(region, lambda world: (world.broken.add if is_broken else world.broken.discard)(name))

    def set_capacity(self, instance_type: str, instances: int, region: str | None = None) -> None:
        """So many instances of the type may run at once; those that run already are not taken away."""
        self._change(region, lambda world: world.capacity.update({instance_type: instances}))

    def set_lag(self, lag_s: float, region: str | None = None) -> None:
        """Reads are so late from now on: at most what `lag_s` or `stale_s` were at the start, as no more is kept."""
        world = self.world(region)
        if us(lag_s) > world.keep_us:
            raise ValueError(f"a lag of {lag_s} s needs a Cloud with stale_s of at least that")
        world.lag_us = us(lag_s)

    def silence_metrics(self, is_silent: bool = True, region: str | None = None) -> None:
        """Metrics answer, but with no data."""
        self._change(region, lambda world: setattr(world, "has_metrics", not is_silent))

    def _change(self, region: str | None, change: Callable[[World], Any]) -> None:
        world = self.world(region)
        change(world)
        refresh(world)

    # The truth, for oracles: no lag, no gate.

    def billable(self) -> list[Billable]:
        """Everything that exists in every region."""
        return [item for region in sorted(self._worlds) for item in billable(self.world(region))]

    def containers(self) -> list[Container]:
        """What has to run now, for whoever runs it."""
        worlds = [self.world(region) for region in self._worlds]
        return [one for world in worlds for one in containers(world.region, world.components, world.models)]

    @property
    def state(self) -> object:
        """All that changes. Whoever copies it (deeply) can come back to it, in a cloud that was made alike."""
        return self._worlds, self._bill

    @state.setter
    def state(self, state: Any) -> None:
        self._worlds, self._bill = state

    def digest(self) -> bytes:
        """Equal for states with equal futures. What was spent so far is no part of the future."""
        parts = [(region, self._state(self.world(region))) for region in sorted(self._worlds)]
        planned = [astuple(one) for one in self._planned]
        # Version 2 of the format has no references: equal values give equal bytes.
        return hashlib.blake2b(marshal.dumps((parts, planned), 2), digest_size=16).digest()

    def _state(self, world: World) -> object:
        forget(world)
        at_us = world.at_us
        return (
            [shelf.state(at_us) for shelf in (world.endpoints, world.components)],
            [shelf.state(at_us, is_sorted=True) for shelf in (world.models, world.configs, world.alarms)],
            [target.state(at_us) for _, target in sorted(world.targets.items())],
            [policy.state(at_us) for _, policy in sorted(world.policies.items())],
            [(name, series.state(at_us)) for name, series in sorted(world.series.items())],
            sorted(world.stuck),
            sorted(world.broken),
            sorted(world.capacity.items()),
            (world.has_metrics, world.lag_us),
            (at_us - world.calls_this_s[0] * 1_000_000, world.calls_this_s[1]) if world.quotas.calls_per_s else None,
        )


def is_too_fast(world: World) -> bool:
    """More calls in this second than the account may make."""
    limit = world.quotas.calls_per_s
    if limit is None:
        return False
    second = world.at_us // 1_000_000
    count = world.calls_this_s[1] + 1 if world.calls_this_s[0] == second else 1
    world.calls_this_s = (second, count)
    return count > limit
