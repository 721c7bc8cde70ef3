"""Models under exploration: the real use cases over a table, a host and a clock that the explorer rules."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.table import Row
from llmanager.models import rows
from llmanager.models.entities import Backend, Desired, Model, ModelSpec, ReplicaState
from llmanager.models.limits import expires_at
from llmanager.models.reconcile import status
from llmanager.models.rows import Key
from llmanager.models.usecases.reconcile import reconcile_once
from llmanager.models.usecases.registry import Registry
from llmanager.models.usecases.sweep import sweep
from llmanager.models.usecases.watch import check, watch
from tests.fakes.clock import FakeClock
from tests.simulation.execution import Outcome, Violation
from tests.simulation.gate import Gate
from tests.simulation.ports import GatedTable, SeenClock, SimTable

KEY: Key = ("acme", "greeter")
PERIOD_S = 61.0  # of reaper and watchdog
LEASE_S = 60.0
IDLE_S = 300
# After its hard end a resource may live so long: one round sees it, and each of its parts can only go after another.
LATE_S = 4 * PERIOD_S + 1


class ModelsWorld:
    """One tenant, one name. Subclasses bring the host."""

    backend = Backend.LOCAL
    stage = "dev"

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.clock = FakeClock()
        self.table = SimTable(self.clock)
        self.table.on_delete = self.on_drop
        self.ids = 0
        self._read: Row | None = None  # the row that `_model` was made from: it is asked for at every step
        self._model: Model | None = None
        self.broken: list[Violation] = []
        self.serving: dict[str, tuple[str, int]] = {}  # by gateway: the replica that works on its request
        self.host = self.make_host()
        self.registry = self.registry_of()

    # --- for subclasses

    def make_host(self) -> Any:
        raise NotImplementedError

    def host_state(self) -> object:
        """For the digest."""
        raise NotImplementedError

    def resources(self) -> dict[str, bool]:
        """The truth, without gate or lag: every resource that exists, and whether something of it runs."""
        raise NotImplementedError

    def ready(self, resource: str) -> frozenset[int]:
        """The replicas that serve now."""
        raise NotImplementedError

    def host_snapshot(self) -> Any:
        raise NotImplementedError

    def restore_host(self, snapshot: Any) -> None:
        raise NotImplementedError

    # --- prepared once, used often

    def snapshot(self) -> Any:
        times = self.clock.now(), self.clock.monotonic_s()
        return self.table.snapshot(), times, self.ids, self.is_there_first, self.host_snapshot()

    def restore(self, snapshot: Any) -> None:
        table, (now, monotonic_s), self.ids, self.is_there_first, host = snapshot
        self.table.restore(table)
        self.clock.set(now - timedelta(seconds=monotonic_s - self.clock.monotonic_s()))
        self.clock.advance(monotonic_s - self.clock.monotonic_s())
        self.restore_host(host)

    # --- the code under test

    def registry_of(self, *, skew_s: float = 0.0, **parts: Any) -> Registry:
        return Registry(
            table=GatedTable(self.gate, self.table),
            hosts={self.backend: self.host},
            clock=SeenClock(self.gate, self.clock, skew_s),
            new_id=self.new_id,
            stage=self.stage,
            **parts,
        )

    def new_id(self) -> str:
        self.ids += 1
        self.gate.saw(self.ids)
        return f"id{self.ids:014d}"

    def spec(self, **changes: Any) -> ModelSpec:
        fields: dict[str, Any] = {"sleep_after_s": IDLE_S, "backend": self.backend, **changes}
        return ModelSpec("demo-tiny", **fields)

    def pass_once(self, registry: Registry | None = None) -> None:
        """Each process is an owner of its own."""
        process = self.gate.running
        reconcile_once(registry or self.registry, KEY, "later" if process is None else process.name)

    # --- truth

    def resource(self) -> str:
        model = self.row()
        return model.resource if model is not None else ""

    def row(self) -> Model | None:
        found = self.table.get(rows.model_partition(KEY[0]), KEY[1])
        if found is not self._read:
            self._read, self._model = found, None if found is None else rows.to_model(found)
        return self._model

    def on_effect(self, name: str, args: tuple[Any, ...]) -> None:
        """Right before a host's state changes: is something ended that is in use?"""
        if name in ("stop", "park", "remove"):
            resource = args[0]
            kept = {i for i in self.ready(resource) if name == "stop" and not self.ends(i, args[1])}
            self.judge_end(resource, self.ready(resource) - kept)

    def on_drop(self, partition: str, sort: str) -> None:
        """A row goes. What it tells of must be gone for certain: else nobody would look for it."""
        if partition.startswith("model#") and self.resource() in self.resources():
            self.broken.append(Violation("forgotten", f"{self.resource()} loses its row before it is gone"))

    def ends(self, replica: int, stopped: int) -> bool:
        return replica == stopped

    def judge_end(self, resource: str, ended: Iterable[int]) -> None:
        """A leased kill: a replica ends that a request is at, or that the row offers while the model is held.

        What the row says to be leaving gets no request. A hard end, a delete, and a sleep that somebody asked for may
        cut one off; a sleep for being idle may not.
        """
        model = self.row()
        ended = frozenset(ended)
        if not ended or model is None or model.resource != resource or _is_asked_for(model):
            return
        now = self.clock.now()
        end = expires_at(model)
        is_over = end is not None and end <= now
        is_used = self.is_held() and bool(ended & self.offered(model)) and not self.offered(model) - ended
        is_cut = any(replica in ended for whose, replica in self.serving.values() if whose == resource)
        if (is_used or is_cut) and not is_over:
            self.broken.append(Violation("leased-kill", f"{resource} ended while it is in use"))

    def is_held(self) -> bool:
        use = rows.to_use(self.table.get(rows.use_partition(KEY[0]), KEY[1]))
        return use.is_held(self.clock.now())

    def offered(self, model: Model) -> frozenset[int]:
        """The replicas that a gateway sends requests to, as wiring/serving/directory.py decides it."""
        if model.desired is not Desired.RUNNING:
            return frozenset()
        leaving = {r.index for r in model.observed.replicas if r.state is ReplicaState.STOPPING}
        return self.ready(model.resource) - leaving

    def digest_parts(self) -> tuple[object, ...]:
        times = self.clock.now(), self.clock.monotonic_s()
        return (self.table.state(), times, self.ids, self.broken, sorted(self.serving.items()))

    def violations_now(self) -> Iterable[Violation]:
        return self.broken

    # --- afterwards

    def tick(self, seconds: float) -> None:
        """Time goes by for everybody."""
        self.clock.advance(seconds)

    def recover(self) -> None:
        """Two periods are what a crash may cost, some more let the cloud finish; then everybody has left."""
        for _ in range(self.rounds_to_recover):
            self.round()
            self.judge_times()

    rounds_to_recover = 6

    def live_until(self, is_so: Callable[[], bool]) -> None:
        for _ in range(60):
            if is_so():
                return
            self.round()
        raise AssertionError("it never comes to that")

    def round(self) -> None:
        self.tick(PERIOD_S)
        for work in (self.pass_once, lambda: sweep(self.registry), self.watchdog):
            try:
                work()
            except LLManagerError:
                continue

    def watchdog(self) -> None:
        check(watch(self.host, now=self.clock.now(), stage=self.stage))

    def judge_times(self) -> None:
        """Asked after every round: of the row's hard end."""
        model = self.row()
        end = None if model is None else expires_at(model)
        if end is not None and end + timedelta(seconds=LATE_S) < self.clock.now() and self.resources():
            self.broken.append(Violation("past-ttl", "it lives past its hard end"))

    def violations(self, outcomes: Sequence[Outcome]) -> Iterable[Violation]:
        yield from self.broken
        model = self.row()
        for resource, is_running in self.resources().items():
            if model is None or model.resource != resource:
                yield Violation("leak", f"{resource} has no row")
            elif is_running and model.desired is not Desired.RUNNING:
                yield Violation("leak", f"{resource} runs though it is {model.desired}")
        if model is not None and model.desired is Desired.DELETED:
            yield Violation("stuck", "a deleted model that never goes")
        if model is not None and model.desired is Desired.RUNNING and not self.ready(model.resource):
            yield Violation("stuck", f"wanted and not up: {status(model)} {model.failure}")
        yield from _promises(outcomes, model, is_there_first=self.is_there_first)

    is_there_first = False


def _is_asked_for(model: Model) -> bool:
    """Its end, or its sleep."""
    why = next((e.why for e in reversed(model.events) if e.what == model.desired.value), "")
    return model.desired is not Desired.RUNNING and (model.desired is Desired.DELETED or why == "asked for")


def _promises(outcomes: Sequence[Outcome], model: Model | None, *, is_there_first: bool) -> Iterable[Violation]:
    created = [o for o in outcomes if o.name.startswith("create") and o.how == "returned"]
    deleted = [o for o in outcomes if o.name.startswith("delete") and o.how == "returned"]
    is_maybe_created = any(o.name.startswith("create") and o.how != "returned" for o in outcomes)
    asked = [o for o in outcomes if o.name.startswith("delete")]  # also where the answer was lost: it may be done
    if len(created) > len(asked) + (not is_there_first):
        yield Violation("promise", f"{len(created)} creates of one name succeeded")
    if created and not any(o.name.startswith("delete") for o in outcomes) and model is None:
        yield Violation("promise", "a created model is gone")
    if deleted and model is not None and not created and not is_maybe_created:
        yield Violation("promise", "a deleted model is still there")
