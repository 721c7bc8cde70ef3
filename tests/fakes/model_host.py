"""A ModelHost without processes, threads or time: a test says when a replica gets ready, crashes or finds no room."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from llmanager.kernel.errors import InvalidInput, LLManagerError, NoRoom
from llmanager.models.entities import (
    Held,
    Memory,
    ModelSpec,
    Observation,
    Order,
    Quote,
    Replica,
    ReplicaState,
    Resident,
    Tags,
)
from llmanager.models.ports import Endpoint, HostTraits


class FakeModelHost:
    """Keeps to tests/contracts/test_model_host.py.

    starts_at_once    a started replica is ready at once; set it to False and call `become_ready` for a slow start
    stops_at_once     likewise; set it to False and call `finish_stop`
    memory_mib        what each replica takes of `budget_mib`; a budget of None means no shared budget
    broken            models that fail for good when they are started
    raises            the next call of a method by that name raises this, once: {"start": Throttled("...")}
    calls             every changing call, e.g. ("start", "lm-a", 0)
    tags              what each resource says of itself
    gpu               what `gpu_percent` answers; `gpu_asked` counts the questions
    usd_per_hour      of one replica
    """

    def __init__(
        self,
        *,
        budget_mib: int | None = None,
        memory_mib: int = 100,
        traits: HostTraits | None = None,
        on_change: Callable[[str], None] = lambda resource: None,
    ) -> None:
        self.traits = traits or HostTraits()
        self.tags: dict[str, Tags] = {}
        self.gpu: Decimal | None = None
        self.gpu_asked = 0
        self.usd_per_hour = Decimal(0)
        self.ranges: dict[str, tuple[int, int]] = {}
        self.starts_at_once = True
        self.stops_at_once = True
        self.memory_mib = memory_mib
        self.budget_mib = budget_mib
        self.broken: set[str] = set()
        self.unknown: set[str] = set()
        self.raises: dict[str, LLManagerError] = {}
        self.calls: list[tuple[object, ...]] = []
        self.suspected: list[tuple[str, int]] = []
        self._on_change = on_change
        self._replicas: dict[str, dict[int, Replica]] = {}

    def become_ready(self, resource: str, replica: int = 0) -> None:
        self._set(resource, self._now_in(resource, replica, ReplicaState.READY))

    def progress(self, resource: str, stage: str, replica: int = 0) -> None:
        self._set(resource, Replica(replica, ReplicaState.STARTING, stage=stage))

    def fail(self, resource: str, reason: str = "It broke.", *, replica: int = 0, is_final: bool = False) -> None:
        """Also a crash of one that was ready."""
        self._set(resource, Replica(replica, ReplicaState.FAILED, reason=reason, is_final=is_final))

    def finish_stop(self, resource: str, replica: int = 0) -> None:
        self._replicas[resource].pop(replica)
        if not self._replicas[resource]:
            del self._replicas[resource]
        self._on_change(resource)

    def forget_everything(self) -> None:
        """As after a restart of a host that keeps nothing."""
        self._replicas.clear()

    def quote(self, spec: ModelSpec) -> Quote:
        self._maybe_raise("quote")
        if spec.model in self.unknown:
            raise InvalidInput(f"There is no model {spec.model!r}.", param="model")
        need = self.memory_mib * spec.scaling.awake
        fits = self.budget_mib is None or need <= self.budget_mib
        return Quote(
            instance_type="fake",
            usd_per_hour=self.usd_per_hour * spec.scaling.awake,
            usd_per_month=self.usd_per_hour * spec.scaling.awake * 730,
            usd_per_instance_hour=self.usd_per_hour,
            memory_mib=need,
            download_mib=0,
            cold_start_ms=100,
            context_tokens=spec.context_tokens or 2048,
            fits=fits,
            fit_reason=f"It needs {need} MiB.",
        )

    def observe(self, resource: str) -> Observation:
        self._maybe_raise("observe")
        replicas = tuple(replica for _, replica in sorted(self._replicas.get(resource, {}).items()))
        instances = len(replicas) if self.traits.is_billed else 0
        least, most = self.ranges.get(resource, (0, 0))
        return Observation(bool(replicas), replicas, instances=instances, floor=least, ceiling=most)

    def start(self, order: Order, replica: int) -> None:
        resource, spec = order.resource, order.spec
        self.calls.append(("start", resource, replica))
        self._maybe_raise("start")
        found = self._replicas.get(resource, {}).get(replica)
        if found is not None and found.state in (ReplicaState.STARTING, ReplicaState.READY):
            return
        if spec.model in self.broken or spec.model in self.unknown:
            self.tags[resource] = order.tags
            self.fail(resource, f"The file of {spec.model!r} is broken.", replica=replica, is_final=True)
            return
        memory = self.memory()
        if memory is not None and self.memory_mib > memory.free_mib:
            raise NoRoom(f"It needs {self.memory_mib} MiB and {memory.free_mib} are free.")
        state = ReplicaState.READY if self.starts_at_once else ReplicaState.STARTING
        self.tags[resource] = order.tags
        self._set(resource, Replica(replica, state, revision=order.revision))

    def stop(self, resource: str, replica: int) -> None:
        self.calls.append(("stop", resource, replica))
        self._maybe_raise("stop")
        if replica not in self._replicas.get(resource, {}):
            return
        if self.stops_at_once:
            self.finish_stop(resource, replica)
        else:
            self._set(resource, Replica(replica, ReplicaState.STOPPING))

    def park(self, resource: str) -> None:
        for replica in tuple(self._replicas.get(resource, {})):
            self.stop(resource, replica)

    def revise(self, order: Order) -> None:
        self.calls.append(("revise", order.resource, order.revision))
        self._maybe_raise("revise")
        for replica in tuple(self._replicas.get(order.resource, {}).values()):
            self._set(order.resource, replace(replica, revision=order.revision))

    def hold_range(self, resource: str, least: int, most: int) -> None:
        self.calls.append(("hold_range", resource, least, most))
        self._maybe_raise("hold_range")
        self.ranges[resource] = (least, most)

    def retag(self, resource: str, tags: Tags) -> None:
        self.calls.append(("retag", resource, tags.expires_at, tags.ttl_at))
        self._maybe_raise("retag")
        if resource in self._replicas:
            self.tags[resource] = tags

    def gpu_percent(self, resource: str, since: datetime) -> Decimal | None:
        self._maybe_raise("gpu_percent")
        self.gpu_asked += 1
        return self.gpu

    def remove(self, resource: str) -> None:
        self.calls.append(("remove", resource))
        self._maybe_raise("remove")
        if self._replicas.pop(resource, None) is not None:
            self._on_change(resource)

    def resources(self) -> tuple[Held, ...]:
        self._maybe_raise("resources")
        return tuple(Held(resource, self.tags.get(resource)) for resource in sorted(self._replicas))

    def endpoints(self, resource: str) -> tuple[Endpoint, ...]:
        return tuple(
            Endpoint(index, f"http://127.0.0.1:{9000 + index}", authorization="Bearer fake")
            for index, replica in sorted(self._replicas.get(resource, {}).items())
            if replica.state is ReplicaState.READY
        )

    def memory(self) -> Memory | None:
        if self.budget_mib is None:
            return None
        taken = {
            resource: self.memory_mib * sum(r.state is not ReplicaState.FAILED for r in replicas.values())
            for resource, replicas in self._replicas.items()
        }
        return Memory(self.budget_mib, tuple(Resident(name, mib) for name, mib in sorted(taken.items()) if mib))

    def suspect(self, resource: str, replica: int) -> None:
        self.suspected.append((resource, replica))

    def close(self) -> None:
        self._replicas.clear()

    def _now_in(self, resource: str, index: int, state: ReplicaState) -> Replica:
        found = self._replicas.get(resource, {}).get(index)
        return replace(found or Replica(index, state), state=state)

    def _set(self, resource: str, replica: Replica) -> None:
        self._replicas.setdefault(resource, {})[replica.index] = replica
        self._on_change(resource)

    def _maybe_raise(self, method: str) -> None:
        error = self.raises.pop(method, None)
        if error is not None:
            raise error
