"""Who lives with the fleet: an API that changes its mind, a gateway with streams, the reaper, the watchdog.

Each knows only what its own clock and the registry tell it, is asked on a schedule, and does nothing while it is down.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from botocore.exceptions import ClientError

from llmanager.kernel.errors import LLManagerError
from llmanager.models.entities import Backend, Desired, Model, ModelSpec, ReplicaState, Scaling
from llmanager.models.rows import Key
from llmanager.models.usecases import change
from llmanager.models.usecases.create import Creation, create
from llmanager.models.usecases.reconcile import reconcile_once
from llmanager.models.usecases.registry import Registry
from llmanager.models.usecases.sweep import sweep
from llmanager.models.usecases.use import hold, let_go
from llmanager.models.usecases.watch import watch
from tests.fakes.sagemaker import STAGE
from tests.simulation.fleet_world import Actor, Fleet

REAPER_S, WATCHDOG_S = 60, 300
LEASE_S, RENEW_S = 60.0, 30
PATIENCE_S, RETRY_S = 900, 20  # of a request that waits for its model
HOUR_S = 3_600
NAMES: tuple[Key, ...] = tuple((tenant, f"m{i}") for tenant in ("acme", "birch") for i in range(3))


@dataclass(frozen=True)
class Triggers:
    """How often each pass runs at its time, and how late it may run once more. None: never."""

    repeats: int = 1
    late_s: int | None = None


def quietly(fleet: Fleet, who: str, act: Callable[[], object]) -> bool:
    """Whether it went well. What is broken is told elsewhere: here only our own errors may come."""
    fleet.acting = who
    try:
        act()
    except LLManagerError:
        return False
    finally:
        fleet.acting = ""
    return True


@dataclass
class Reaper:
    fleet: Fleet
    actor: Actor
    triggers: Triggers = Triggers()

    def start(self) -> None:
        self.fleet.every(REAPER_S, self.come, first_s=17)

    def come(self) -> None:
        if "reaper" in self.fleet.down:
            return
        keys: list[Key] = []
        quietly(self.fleet, "reaper", lambda: keys.extend(model.key for model in self.actor.registry.every()))
        self._all(keys)
        if self.triggers.late_s is not None:
            self.fleet.after(self.triggers.late_s, lambda: self._all(keys))

    def _all(self, keys: list[Key]) -> None:
        if "reaper" in self.fleet.down:
            return
        for _ in range(self.triggers.repeats):
            for key in keys:
                tend(self.fleet, self.actor.registry, key, "reaper")
            quietly(self.fleet, "reaper", lambda: sweep(self.actor.registry))


def tend(fleet: Fleet, registry: Registry, key: Key, owner: str) -> None:
    quietly(fleet, owner, lambda: reconcile_once(registry, key, owner))


@dataclass
class Watchdog:
    fleet: Fleet
    actor: Actor
    triggers: Triggers = Triggers()

    def start(self) -> None:
        self.fleet.every(WATCHDOG_S, self.come, first_s=101)

    def come(self) -> None:
        if "watchdog" in self.fleet.down:
            return
        for _ in range(self.triggers.repeats):
            quietly(self.fleet, "watchdog", lambda: watch(self.actor.host, now=self.actor.now(), stage=STAGE))


@dataclass(frozen=True)
class Wish:
    key: Key
    choice: float
    context_tokens: int
    spec: ModelSpec


@dataclass
class Api:
    """Tenants who create, change, put to sleep, wake and delete, about every four minutes one of them."""

    fleet: Fleet
    actor: Actor
    names: tuple[Key, ...] = NAMES
    is_closing: bool = False  # from then on nothing new

    def start(self) -> None:
        self.fleet.after(5, self.come)

    def come(self) -> None:
        chance = self.fleet.chance
        # All is drawn whatever is done with it, so that what others do changes nothing that is asked for later.
        wish = Wish(chance.choice(self.names), chance.random(), chance.choice((2_048, 4_096)), self.spec())
        self.fleet.after(chance.randrange(30, 450), self.come)
        if "api" not in self.fleet.down and not self.is_closing:
            quietly(self.fleet, "api", lambda: self._do(wish))
            tend(self.fleet, self.actor.registry, wish.key, "api")

    def _do(self, wish: "Wish") -> None:
        registry, key = self.actor.registry, wish.key
        found = registry.find(key)
        if found is None:
            create(registry, Creation(*key, wish.spec))
        elif wish.choice < 0.1:
            change.delete(registry, key)
        elif wish.choice < 0.2:
            change.sleep(registry, key)
        elif wish.choice < 0.3:
            change.wake(registry, key)
        elif wish.choice < 0.5:
            lived_s = int((self.actor.now() - found.created_at).total_seconds())
            ttl_s = None if wish.spec.ttl_s is None else lived_s + wish.spec.ttl_s
            changed = replace(found.spec, context_tokens=wish.context_tokens, ttl_s=ttl_s)
            change.update(registry, key, lambda _: changed, accept_unknown_price=False)

    def close(self) -> None:
        """Everything is to go."""
        self.is_closing = True
        for key in self.names:
            quietly(self.fleet, "api", lambda key=key: change.delete(self.actor.registry, key))  # type: ignore[misc]

    def spec(self) -> ModelSpec:
        chance = self.fleet.chance
        return ModelSpec(
            "qwen3-4b",
            backend=Backend.SAGEMAKER,
            scaling=Scaling(max=chance.choice((1, 2)), target_concurrency=2),
            sleep_after_s=chance.choice((300, 900, 1_800, 5_400)),
            delete_after_s=chance.choice((None, 4 * HOUR_S)),
            ttl_s=chance.choice((None, HOUR_S, 3 * HOUR_S, 12 * HOUR_S, 30 * HOUR_S)),
            gpu_idle_below_percent=chance.choice((None, None, Decimal(5))),
        )


@dataclass
class Stream:
    key: Key
    asked_s: float
    length_s: int
    resource: str = ""  # once it is served
    is_open: bool = True


@dataclass
class Gateway:
    """Holds a lease for each model with requests, renews it, wakes, and serves on while the registry is down."""

    fleet: Fleet
    actor: Actor
    cut: Callable[[Stream, "Gateway"], None]  # told of each stream that lost its copies
    names: tuple[Key, ...] = NAMES
    pause_s: int = 240  # between two requests, on average
    streams: dict[Key, list[Stream]] = field(default_factory=dict)
    held_until_s: dict[Key, float] = field(default_factory=dict)  # true time
    served: int = 0
    lost: int = 0  # requests that were never served
    is_closing: bool = False
    was_down: bool = False

    def start(self) -> None:
        self.fleet.after(30, self.arrive)
        self.fleet.every(RENEW_S, self.renew)

    @property
    def is_down(self) -> bool:
        """A gateway that goes down takes its streams with it, and lets nothing go."""
        is_down = "gateway" in self.fleet.down
        if is_down and not self.was_down:
            for key in self.streams:
                self.lost += sum(stream.is_open for stream in self.streams[key])
                for stream in self.streams[key]:
                    stream.is_open = False
                self._tell_load(key, stream.resource)
            self.streams.clear()
            self.held_until_s.clear()
        self.was_down = is_down
        return is_down

    def arrive(self) -> None:
        chance = self.fleet.chance
        key, length_s = chance.choice(self.names), chance.choice((5, 40, 200, 900, 4_000))
        self.fleet.after(1 + int(chance.expovariate(1 / self.pause_s)), self.arrive)
        if self.is_down or self.is_closing:
            return
        stream = Stream(key, self.fleet.now_s, length_s)
        self.streams.setdefault(key, []).append(stream)
        self._hold(key)
        self._try(stream)

    def renew(self) -> None:
        if self.is_down:
            return
        for key, streams in list(self.streams.items()):
            for stream in [s for s in streams if s.resource]:
                if not self.fleet.copies(stream.resource):
                    self.cut(stream, self)
                    self._close(stream)
            if key in self.streams:
                self._hold(key)

    def _hold(self, key: Key) -> None:
        count = len(self.streams[key])
        if quietly(self.fleet, "gateway", lambda: hold(self.actor.registry, key, "gateway", LEASE_S, count)):
            self.held_until_s[key] = self.fleet.now_s + LEASE_S

    def _try(self, stream: Stream) -> None:
        if not stream.is_open:
            return
        known = self.fleet.model(stream.key)  # with the registry down: the last table of routes, which is the same
        if known is None or known.desired is Desired.DELETED or self.fleet.now_s > stream.asked_s + PATIENCE_S:
            self.lost += 1
            self._close(stream)
        elif known.desired is Desired.RUNNING and is_offered(known) and self.fleet.copies(known.resource):
            stream.resource = known.resource
            self.served += 1
            self._tell_load(stream.key, known.resource)
            self.fleet.after(stream.length_s, lambda: self._close(stream))
        else:
            self._wake(known)
            self.fleet.after(RETRY_S, lambda: self._try(stream))

    def _wake(self, model: Model) -> None:
        if model.desired is Desired.RUNNING:
            return
        if quietly(self.fleet, "gateway", lambda: change.wake(self.actor.registry, model.key, "a request")):
            tend(self.fleet, self.actor.registry, model.key, "gateway")
        elif "registry" in self.fleet.down:
            try:  # a known route is tried all the same: AWS' own alarm may wake it
                self.fleet.cloud.invoke(model.resource, model.resource)
            except ClientError:
                return

    def _close(self, stream: Stream) -> None:
        if not stream.is_open:
            return
        stream.is_open = False
        left = self.streams[stream.key]
        left.remove(stream)
        if stream.resource:
            self._tell_load(stream.key, stream.resource)
        if not left:
            del self.streams[stream.key]
            self.held_until_s.pop(stream.key, None)
            quietly(self.fleet, "gateway", lambda: let_go(self.actor.registry, stream.key, "gateway"))

    def _tell_load(self, key: Key, resource: str) -> None:
        if resource:
            count = sum(s.is_open and s.resource == resource for s in self.streams.get(key, ()))
            self.fleet.cloud.load(resource, count, gpu_percent=80 if count else 0)


def is_offered(model: Model) -> bool:
    return any(replica.state is ReplicaState.READY for replica in model.observed.replicas)
