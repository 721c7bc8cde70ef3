"""A fleet over virtual days: one emulated account, one registry table, and actors that come on schedules of their own.

A small discrete-event driver: everything that happens is a callback at a moment, each runs to its end before the next,
and no time passes meanwhile. What two of them do at the same time is the explorer's matter; here it is what many do
one after another for weeks.
"""

import heapq
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from emulator.cloud import Cloud
from emulator.conditions import Timing
from llmanager.adapters.aws.sagemaker_host import SageMakerModelHost
from llmanager.kernel.errors import Throttled, Unavailable
from llmanager.models import rows
from llmanager.models.caps import Caps
from llmanager.models.entities import Backend, Model
from llmanager.models.usecases.registry import Registry
from tests.fakes.clock import FakeClock
from tests.fakes.sagemaker import REGION, STAGE, clients_of, host_on, prices
from tests.simulation.fleet_books import RecordingBill, owed_usd
from tests.simulation.fleet_table import FleetTable, SkewedClock

METRICS = "GetMetricData"
ENDING = ("UpdateInferenceComponentRuntimeConfig", "DeleteInferenceComponent", "DeleteEndpoint")
READING = ("Describe", "Get", "List")
COMPONENTS = ("api", "registry", "reaper", "watchdog", "gateway", "metrics")
FLEET_CAPS = Caps(max_models=10_000, max_instances=100_000, max_usd_per_hour=None)


@dataclass
class Actor:
    """A process of the product: its clock, and the registry and host as seen through it."""

    name: str
    registry: Registry
    host: SageMakerModelHost

    def now(self) -> datetime:
        return self.registry.clock.now()


@dataclass
class Faults:
    """How often in a million calls each goes wrong. `stale`: a read that is 15 s old."""

    throttle: int = 0
    timeout: int = 0
    stale: int = 0
    table: int = 0


@dataclass(order=True)
class Due:
    at_s: float
    number: int
    act: Callable[[], None] = field(compare=False)


class Unchecked:
    """In place of the emulator's contracts, for speed: the calls of these actors are validated in shorter runs."""

    def check_request(self, operation: str, params: object) -> None: ...

    def check_answer(self, operation: str, answer: object) -> None: ...


class Fleet:
    """The account, the table, the clock and the agenda. `down` holds the components that are not there now."""

    def __init__(
        self,
        seed: int,
        *,
        timing: Timing | None = None,
        faults: Faults | None = None,
        skews: Mapping[str, float] = MappingProxyType({}),
        is_checked: bool = True,
    ) -> None:
        self.clock = FakeClock()
        self.chance = random.Random(seed)
        self.faults = faults or Faults()
        self.skews = skews
        self.down: set[str] = set()
        self.table = FleetTable(self.clock)
        self.cloud = Cloud(
            self.clock, prices=prices(), region=REGION, timing=timing or Timing(), stale_s=15, gate=self._gate
        )
        if not is_checked:
            self.cloud._contracts = dict.fromkeys(self.cloud._contracts, Unchecked())  # type: ignore[arg-type]
        self.bill = RecordingBill()
        self.cloud._bill = self.bill
        self.clients = clients_of(self.cloud.client, self.clock)
        self.acting = ""
        self.ended_by: dict[str, str] = {}  # resource -> who asked last for less of it
        self.told_to_go: set[str] = set()
        self.launched: list[str] = []  # endpoints, by each create that was asked for
        self.violations: list[str] = []
        self._agenda: list[Due] = []
        self._ids = self._numbers = 0

    def actor(self, name: str) -> Actor:
        clock = SkewedClock(self.clock, self.skews.get(name, 0.0))
        host = host_on(self.clients, clock)  # type: ignore[arg-type]
        registry = Registry(
            table=self.table.seen_by(clock, self._table_trouble),
            hosts={Backend.SAGEMAKER: host},
            clock=clock,
            new_id=self._new_id,
            stage=STAGE,
            caps=FLEET_CAPS,
        )
        return Actor(name, registry, host)

    # --- time

    @property
    def now_s(self) -> float:
        return self.clock.monotonic_s()

    def after(self, delay_s: float, act: Callable[[], None]) -> None:
        self._numbers += 1
        heapq.heappush(self._agenda, Due(self.now_s + delay_s, self._numbers, act))

    def every(self, period_s: float, act: Callable[[], None], *, first_s: float | None = None) -> None:
        def again() -> None:
            act()
            self.after(period_s, again)

        self.after(period_s if first_s is None else first_s, again)

    def outage(self, component: str, at_s: float, for_s: float) -> None:
        self.after(at_s, lambda: self.down.add(component))
        self.after(at_s + for_s, lambda: self.down.discard(component))

    def run(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while self._agenda and self._agenda[0].at_s <= until_s:
            due = heapq.heappop(self._agenda)
            self.clock.advance(due.at_s - self.now_s)
            due.act()
        self.clock.advance(until_s - self.now_s)

    def stop(self) -> None:
        """Nothing that was planned comes to pass."""
        self._agenda.clear()

    # --- what goes wrong

    def _gate(self, service: str, operation: str, params: dict[str, Any]) -> Any:
        if operation == METRICS and "metrics" in self.down:
            return "throttle"
        if operation in ENDING:
            name = params.get("EndpointName") or params["InferenceComponentName"]
            self.ended_by[name] = self.acting
            if operation.startswith("Delete"):
                self.told_to_go.add(name)
        elif operation == "CreateEndpoint":
            self.launched.append(params["EndpointName"])
        faults = self.faults
        drawn = self.chance.randrange(1_000_000) if faults.throttle else 1_000_000
        if drawn < faults.throttle:
            return "throttle"
        is_read = operation.startswith(READING)
        if drawn - faults.throttle < (faults.stale if is_read else faults.timeout):
            return "stale" if is_read else "timeout after effect"
        return None

    def _table_trouble(self, is_after: bool) -> Exception | None:
        if "registry" in self.down:
            return Unavailable("The registry is down.")
        if self.faults.table and self.chance.randrange(1_000_000) < self.faults.table:
            return Unavailable("The answer was lost.") if is_after else Throttled("Too many at once.")
        return None

    def _new_id(self) -> str:
        self._ids += 1
        return f"id{self._ids:014d}"

    # --- the truth

    def model(self, key: rows.Key) -> Model | None:
        row = self.table.get(rows.model_partition(key[0]), key[1])
        return None if row is None else rows.to_model(row)

    def models(self) -> list[Model]:
        found = (self.table._rows[key] for key in list(self.table._keys) if key[0].startswith("model#"))
        return [rows.to_model(row) for row in found]

    def copies(self, resource: str) -> int:
        """That serve."""
        component = self.cloud.world().components.live.get(resource)
        return 0 if component is None else component.up

    def bill_error(self) -> Fraction:
        """What the emulator's bill says, less what its instances' times say."""
        self.cloud.world()
        told = self.cloud.bill.usd(self.clock.now())
        return Fraction(told) - owed_usd(list(self.bill.ran.values()), self.at_us(), prices())

    def at_us(self) -> int:
        return self.cloud.world().at_us
