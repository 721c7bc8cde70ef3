"""The host of the local platform: replicas of llama.cpp, or of a configured command, as child processes."""

import shutil
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from llmanager.adapters.local import fit as sizes
from llmanager.adapters.local.engines import BUILTIN, EngineCommand
from llmanager.adapters.local.fit import Fit
from llmanager.adapters.local.processes import Spawner
from llmanager.adapters.local.replica import UNTIL_GONE_S, LocalReplica, Surroundings, Timing
from llmanager.adapters.local.weights_port import Weights, WeightsFacts
from llmanager.kernel.errors import Final, InvalidInput, NoRoom, Unavailable
from llmanager.models.entities import Held, Memory, ModelSpec, Observation, Order, Quote, Resident, Tags
from llmanager.models.ports import Endpoint, HostTraits

NOTHING = Fit(memory_mib=0, context_tokens=0, cold_start_ms=0)


class LlamaCppModelHost:
    """A ModelHost. What it holds lives and dies with this process: after a restart nothing runs, and it says so.

    `on_change(resource)` is called by several threads, never with a lock held, after every change that `observe` or
    `endpoints` would show. `engines` are external commands by the name that a spec's `engine` chooses.
    """

    traits = HostTraits()

    def __init__(
        self,
        *,
        weights: Weights,
        home: Path,
        memory_budget_mib: int,
        cores: int,
        on_change: Callable[[str], None],
        engines: Mapping[str, EngineCommand] | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._weights = weights
        self._logs = home / "logs" / "replicas"
        self._budget_mib = memory_budget_mib
        self._cores = cores
        self._on_change = on_change
        self._engines = dict(engines or {})
        self._timing = timing or Timing()
        self._spawner = Spawner()
        self._lock = threading.Lock()
        self._current: dict[str, dict[int, LocalReplica]] = {}
        self._leaving: dict[LocalReplica, str] = {}  # told to stop, not gone yet
        self._tags: dict[str, Tags] = {}
        self._is_closed = False

    def quote(self, spec: ModelSpec) -> Quote:
        self._command(spec)
        return sizes.quote(spec, self._facts(spec), self._budget_mib)

    def observe(self, resource: str) -> Observation:
        with self._lock:
            current = self._current.get(resource, {})
            leaving = {r.index: r for r, whose in self._leaving.items() if whose == resource}
            seen = [r.seen for _, r in sorted({**leaving, **current}.items())]
        return Observation(exists=bool(seen), replicas=tuple(seen))

    def start(self, order: Order, replica: int) -> None:
        resource, spec = order.resource, order.spec
        if self._is_started(resource, replica):
            return
        self._tags[resource] = order.tags
        try:
            command = self._command(spec)
            need = sizes.fit(spec, self._facts(spec))
        except (InvalidInput, Unavailable) as error:  # the latter: the hub cannot be asked for the size of the weights
            failed = LocalReplica(replica, spec, None, NOTHING, self._log(resource, replica), order.revision)
            failed.fail(str(error), is_final=isinstance(error, Final))
            self._admit(resource, failed)
            self._on_change(resource)
            return
        starting = LocalReplica(replica, spec, command, need, self._log(resource, replica), order.revision)
        if self._admit(resource, starting):
            starting.begin(self._surroundings(resource))

    def stop(self, resource: str, replica: int) -> None:
        with self._lock:
            leaving = self._current.get(resource, {}).pop(replica, None)
            if leaving is None:
                return
            if not self._current[resource]:
                del self._current[resource]
            if leaving.is_active:
                self._leaving[leaving] = resource
        leaving.stop()
        self._on_change(resource)

    def park(self, resource: str) -> None:
        with self._lock:
            replicas = tuple(self._current.get(resource, {}))
        for replica in replicas:
            self.stop(resource, replica)

    def remove(self, resource: str) -> None:
        self.park(resource)
        self._tags.pop(resource, None)
        self._drop_logs(resource)

    def revise(self, order: Order) -> None:
        raise NotImplementedError("replicas of this host are replaced one by one")

    def hold_range(self, resource: str, least: int, most: int) -> None:
        """Nothing but the reconciler scales here."""

    def retag(self, resource: str, tags: Tags) -> None:
        self._tags[resource] = tags

    def gpu_percent(self, resource: str, since: datetime) -> Decimal | None:
        return None

    def resources(self) -> tuple[Held, ...]:
        """Also those of which only logs are left, such as by a server that was killed: `remove` takes them away."""
        logged = {folder.name for folder in self._logs.iterdir()} if self._logs.is_dir() else set()
        with self._lock:
            running = {*self._current, *self._leaving.values()}
        return tuple(Held(name, self._tags.get(name), is_running=name in running) for name in sorted(running | logged))

    def endpoints(self, resource: str) -> tuple[Endpoint, ...]:
        with self._lock:
            found = [r.endpoint for _, r in sorted(self._current.get(resource, {}).items())]
        return tuple(endpoint for endpoint in found if endpoint is not None)

    def memory(self) -> Memory:
        with self._lock:
            return self._memory()

    def suspect(self, resource: str, replica: int) -> None:
        """A request to it broke: look at it now rather than at the next turn."""
        with self._lock:
            suspected = self._current.get(resource, {}).get(replica)
        if suspected is not None:
            suspected.suspect()

    def close(self) -> None:
        """Ends every replica and waits until they are gone. Nothing can be started any more."""
        with self._lock:
            self._is_closed = True
            held = [(resource, index) for resource, replicas in self._current.items() for index in replicas]
        for resource, index in held:
            self.stop(resource, index)
        with self._lock:
            leaving = tuple(self._leaving)
        for replica in leaving:
            replica.wait(UNTIL_GONE_S)
        self._spawner.close()

    def _facts(self, spec: ModelSpec) -> WeightsFacts:
        return self._weights.facts(spec.model, spec.kind)

    def _command(self, spec: ModelSpec) -> EngineCommand | None:
        if spec.engine == BUILTIN:
            return None
        if spec.engine not in self._engines:
            names = ", ".join(repr(name) for name in (BUILTIN, *sorted(self._engines)))
            raise InvalidInput(f"There is no engine {spec.engine!r}. Choose one of {names}.", param="engine")
        return self._engines[spec.engine]

    def _is_started(self, resource: str, replica: int) -> bool:
        with self._lock:
            found = self._current.get(resource, {}).get(replica)
            return found is not None and found.is_active

    def _admit(self, resource: str, replica: LocalReplica) -> bool:
        """Take it in, in the place of a failed one. False: another thread was first. Raises NoRoom, Unavailable."""
        with self._lock:
            if self._is_closed:
                raise Unavailable("The server is shutting down. Try again when it is back.")
            found = self._current.get(resource, {}).get(replica.index)
            if found is not None and found.is_active:
                return False
            self._check_room(replica.need.memory_mib, self._memory().free_mib)
            self._current.setdefault(resource, {})[replica.index] = replica
        return True

    def _resize(self, replica: LocalReplica, need: Fit) -> None:
        """Its header is here now, and with it the true figures."""
        with self._lock:
            self._check_room(need.memory_mib, self._memory().free_mib + replica.need.memory_mib)
            replica.need = need

    def _check_room(self, need_mib: int, free_mib: int) -> None:
        if need_mib > free_mib:
            raise NoRoom(
                f"The model needs {need_mib} MiB of memory and {max(0, free_mib)} of {self._budget_mib} MiB are free. "
                "Put another model to sleep, or lower 'context_tokens' or 'target_concurrency'."
            )

    def _memory(self) -> Memory:
        taken: dict[str, int] = {}
        for resource, replica in self._held():
            if replica.is_active:
                taken[resource] = taken.get(resource, 0) + replica.need.memory_mib
        return Memory(self._budget_mib, tuple(Resident(name, mib) for name, mib in sorted(taken.items())))

    def _held(self) -> list[tuple[str, LocalReplica]]:
        current = [(resource, r) for resource, replicas in self._current.items() for r in replicas.values()]
        return current + [(resource, r) for r, resource in self._leaving.items()]

    def _threads(self) -> int:
        with self._lock:
            return sizes.threads(self._cores, sum(replica.is_active for _, replica in self._held()))

    def _release(self, replica: LocalReplica) -> None:
        with self._lock:
            wanted = any(
                other.is_fetching and other.is_active and _same_weights(other, replica) for _, other in self._held()
            )
        if not wanted:
            self._weights.release(replica.spec.model, replica.spec.kind)

    def _ended(self, resource: str, replica: LocalReplica) -> None:
        with self._lock:
            self._leaving.pop(replica, None)
        self._on_change(resource)

    def _surroundings(self, resource: str) -> Surroundings:
        return Surroundings(
            weights=self._weights,
            timing=self._timing,
            spawn=self._spawner.spawn,
            resize=self._resize,
            threads=self._threads,
            release=self._release,
            changed=lambda _: self._on_change(resource),
            ended=lambda replica: self._ended(resource, replica),
        )

    def _log(self, resource: str, replica: int) -> Path:
        return self._logs / resource / f"{replica}.log"

    def _drop_logs(self, resource: str) -> None:
        shutil.rmtree(self._logs / resource, ignore_errors=True)


def _same_weights(one: LocalReplica, other: LocalReplica) -> bool:
    return (one.spec.model, one.spec.kind) == (other.spec.model, other.spec.kind)
