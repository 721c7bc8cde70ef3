"""Thousands of whole lives of models, one account, faults included: nothing is left, every cent is accounted for."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

from emulator.conditions import Timing
from llmanager.kernel.errors import LLManagerError, Retryable
from llmanager.models.entities import Backend, Desired, ModelSpec, Scaling
from llmanager.models.errors import ModelNotFound
from llmanager.models.ledger import spent_usd
from llmanager.models.rows import Key
from llmanager.models.usecases import change
from llmanager.models.usecases.create import Creation, create
from llmanager.models.usecases.reconcile import reconcile_once
from llmanager.models.usecases.sweep import sweep
from llmanager.models.usecases.use import hold, let_go
from llmanager.models.usecases.watch import watch
from tests.fakes.sagemaker import STAGE, prices
from tests.simulation.fleet_books import Ran, owed_usd
from tests.simulation.fleet_world import Faults, Fleet

TENANTS = ("acme", "birch", "cedar")
AT_ONCE = 5
BATCH = 250  # lives between two months in which nothing happens: tombstones are gone after them
PERIOD_S, SWEEP_S, WATCH_S = 60, 300, 300
LEASE_S = 60.0
MINUTE_US = 60_000_000
MONTH_S = 31 * 86_400
# Hours of AWS as minutes, so that a life is short: what matters here is the number of lives.
QUICK = Timing(
    endpoint_create_s=50,
    endpoint_update_s=50,
    endpoint_delete_s=30,
    instance_start_s=30,
    release_after_s=120,
    component_create_s=10,
    copy_start_s=40,
    copy_stop_s=20,
    capacity_wait_s=90,
    health_check_s=120,
)
FAULTS = Faults(throttle=4_000, timeout=6_000, stale=4_000, table=2_000)
CALM = Faults()
Life = Generator[float, None, None]


@dataclass
class Told:
    """What came of it."""

    lives: int = 0
    seconds: float = 0.0
    virtual_days: float = 0.0
    calls: int = 0
    instances: int = 0
    bill_usd: Decimal = Decimal(0)
    bill_error_usd: Fraction = Fraction(0)
    leaks: list[str] = field(default_factory=list)
    rows_left: list[tuple[str, str]] = field(default_factory=list)
    off: list[str] = field(
        default_factory=list
    )  # resources whose ledger is off by more than 1 % or a minute an instance
    worst_minutes: Fraction = Fraction(0)
    tenants_off: list[str] = field(default_factory=list)
    ledger_usd: Decimal = Decimal(0)
    unended: list[str] = field(default_factory=list)  # lives that got stuck


class Lives:
    def __init__(self, seed: int, faults: Faults = FAULTS, *, is_checked: bool = True) -> None:
        self.fleet = Fleet(seed, timing=QUICK, faults=faults, is_checked=is_checked)
        self.api, self.gateway = self.fleet.actor("api"), self.fleet.actor("gateway")
        self.reaper, self.watchdog = self.fleet.actor("reaper"), self.fleet.actor("watchdog")
        self.told = Told()
        self.open = 0
        self.left = 0

    def run(self, lives: int) -> Told:
        began_s = time.perf_counter()
        fleet = self.fleet
        while self.told.lives < lives:
            self.left = min(BATCH, lives - self.told.lives)
            fleet.every(PERIOD_S, self._reap, first_s=0)
            fleet.every(SWEEP_S, self._sweep)
            fleet.every(WATCH_S, self._watch)
            if fleet.faults != CALM:
                fleet.every(1_800, self._weather)
            for number in range(min(AT_ONCE, self.left)):
                fleet.after(7 * number, self._begin)
            for _ in range(BATCH):
                fleet.run(3_600)
                if not self.open and not self.left:
                    break
            fleet.run(1_200)
            fleet.stop()
            self._judge()
            fleet.run(MONTH_S)
            fleet.table.forget_expired()
            fleet.cloud.world().series.clear()
        self._close()
        self.told.seconds = time.perf_counter() - began_s
        return self.told

    # --- actors

    def _reap(self) -> None:
        try:
            for model in list(self.reaper.registry.every()):
                self._tend(model.key, "reaper")
        except LLManagerError:
            return

    def _sweep(self) -> None:
        try:
            sweep(self.reaper.registry)
        except LLManagerError:
            return

    def _tend(self, key: Key, owner: str) -> None:
        try:
            reconcile_once(self.reaper.registry, key, owner)
        except LLManagerError:
            return

    def _watch(self) -> None:
        try:
            watch(self.watchdog.host, now=self.watchdog.now(), stage=STAGE)
        except LLManagerError:
            return

    def _weather(self) -> None:
        """No instances to be had for ten minutes, or an endpoint that goes by itself."""
        cloud, chance = self.fleet.cloud, self.fleet.chance
        if chance.random() < 0.2:
            cloud.set_capacity("ml.g5.xlarge", 0)
            self.fleet.after(600, lambda: cloud.set_capacity("ml.g5.xlarge", 1_000))
        endpoints = sorted(cloud.world().endpoints.live)
        if endpoints and chance.random() < 0.2:
            cloud.vanish(chance.choice(endpoints))

    # --- lives

    def _begin(self) -> None:
        if self.left:
            self.left -= 1
            self.open += 1
            number = self.told.lives
            self.told.lives += 1
            self._go_on(self._life((TENANTS[number % 3], f"m{number % 97}-{number // 97}")))

    def _go_on(self, life: Life) -> None:
        wait_s = next(life, None)
        if wait_s is None:
            self.open -= 1
            self._begin()
        else:
            self.fleet.after(wait_s, lambda: self._go_on(life))

    def _life(self, key: Key) -> Life:
        """Create, ready, used, idle, woken, used, changed, deleted: each of them mostly."""
        chance, registry = self.fleet.chance, self.api.registry
        spec = ModelSpec(
            "qwen3-4b",
            backend=Backend.SAGEMAKER,
            sleep_after_s=120,
            scaling=Scaling(max=2),
            ttl_s=_ttl(chance.random()),
        )
        yield from self._insist(key, lambda: create(registry, Creation(*key, spec)))
        for _ in range(chance.choice((1, 2))):
            yield from self._use(key, chance.choice((20, 70, 200)))
            if chance.random() < 0.3:
                yield from self._insist(key, lambda: change.update(registry, key, _other, accept_unknown_price=False))
            if chance.random() < 0.2:
                yield from self._insist(key, lambda: change.sleep(registry, key))
            yield chance.choice((10, 320))  # the longer ones let it fall asleep
        yield from self._insist(key, lambda: change.delete(registry, key))
        for _ in range(120):
            if self.fleet.model(key) is None:
                return
            yield 30
        self.told.unended.append(f"{key} is never gone")

    def _insist(self, key: Key, ask: Callable[[], object]) -> Life:
        """As a client does whose call failed and may be repeated; then the pass that the API starts."""
        for _ in range(5):
            try:
                ask()
            except Retryable:
                yield 2
                continue
            except LLManagerError:
                pass  # it was done by an earlier try whose answer was lost, or is not to be done any more
            break
        self._tend(key, "api")

    def _use(self, key: Key, length_s: int) -> Life:
        """A request that waits for the model, and a stream of that length."""
        registry = self.gateway.registry
        for _ in range(40):
            state = self._ask(key)
            if state == "gone":
                return
            if state == "served":
                break
            yield 30
        while length_s > 0:
            yield min(30, length_s)
            length_s -= 30
            self._quietly(lambda: hold(registry, key, "gateway", LEASE_S))
        self._quietly(lambda: let_go(registry, key, "gateway"))
        if (model := self.fleet.model(key)) is not None:
            self.fleet.cloud.load(model.resource, 0)

    def _ask(self, key: Key) -> str:
        """One look of a waiting request: "gone", "served" or "waits"."""
        registry = self.gateway.registry
        try:
            hold(registry, key, "gateway", LEASE_S)
            model = registry.require(key)
            if model.desired is Desired.ASLEEP:
                change.wake(registry, key, "a request")
                self._tend(key, "gateway")
        except ModelNotFound:
            return "gone"
        except LLManagerError:
            return "waits"
        if model.desired is Desired.RUNNING and self.fleet.copies(model.resource):
            self.fleet.cloud.load(model.resource, 1)
            return "served"
        return "gone" if model.desired is Desired.DELETED else "waits"

    def _quietly(self, act: Callable[[], object]) -> None:
        try:
            act()
        except LLManagerError:
            return

    # --- judgement

    def _judge(self) -> None:
        fleet, told = self.fleet, self.told
        told.leaks += [f"{thing.kind} {thing.name}" for thing in fleet.cloud.billable()]
        rate = fleet.cloud.bill.usd_per_hour()
        if rate:
            told.leaks.append(f"{rate} USD an hour")
        told.rows_left += [key for key in fleet.table.alive() if not key[0].startswith(("gone#", "fleet#"))]

    def _close(self) -> None:
        """The books: the bill by our own sum, and each model's ledger beside its part of the bill."""
        fleet, told = self.fleet, self.told
        ran: dict[str, list[Ran]] = {}
        for one in fleet.bill.ran.values():
            ran.setdefault(one.resource, []).append(one)
        told.bill_usd = fleet.cloud.bill.usd(fleet.clock.now())
        told.bill_error_usd = fleet.bill_error()
        told.instances = len(fleet.bill.ran)
        told.virtual_days = fleet.now_s / 86_400
        tenants: dict[str, list[Fraction]] = {}
        for model, at in fleet.table.dropped:
            mine = ran.pop(model.resource, [])
            billed = owed_usd(mine, fleet.at_us(), prices())
            spent = spent_usd(model.ledger, model.quote.usd_per_instance_hour, at) or Decimal(0)
            told.ledger_usd += spent
            price = Fraction(model.quote.usd_per_instance_hour or 1)
            off = Fraction(spent) - billed
            minutes = off * 60 / price
            if abs(minutes) > abs(told.worst_minutes):
                told.worst_minutes = minutes
            if abs(off) > max(billed / 100, len(mine) * price / 60):
                told.off.append(f"{model.key} by {float(minutes):.2f} minutes of {float(billed * 60 / price):.1f}")
            sums = tenants.setdefault(model.tenant, [Fraction(0)] * 3)
            tenants[model.tenant] = [sums[0] + Fraction(spent), sums[1] + billed, sums[2] + price / 60]
        told.leaks += [f"{name} was billed and had no row" for name in ran]
        for tenant, (spent_in_all, billed_in_all, slack) in tenants.items():
            if abs(spent_in_all - billed_in_all) > max(billed_in_all / 100, slack):
                told.tenants_off.append(f"{tenant}: {float(spent_in_all):.2f} USD of {float(billed_in_all):.2f}")


def _ttl(drawn: float) -> int | None:
    return None if drawn < 0.8 else 900


def _other(spec: ModelSpec) -> ModelSpec:
    return replace(spec, context_tokens=2_048 if spec.context_tokens != 2_048 else 4_096)


def run(lives: int, seed: int = 1, faults: Faults = FAULTS, *, is_checked: bool = True) -> Told:
    return Lives(seed, faults, is_checked=is_checked).run(lives)
