"""Models that somebody else runs: an OpenAI-compatible server that an admin configured, under a name of its own."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from llmanager.kernel.errors import InvalidInput
from llmanager.models.entities import Held, Kind, ModelSpec, Observation, Order, Quote, Replica, ReplicaState, Tags
from llmanager.models.ports import Endpoint, HostTraits

READY = ReplicaState.READY


@dataclass(frozen=True)
class Remote:
    """Only settings make these. A client names one; it can never say where a request, and with it our key, goes."""

    base_url: str  # no trailing slash, no /v1
    authorization: str | None = field(default=None, repr=False)  # header value, a secret
    served_name: str | None = None  # what that server expects as "model"; None: anything
    kind: Kind = Kind.CHAT


class Notes(Protocol):
    """What was started, where several processes share it. Who changes a resource's holds its lease, and is alone."""

    def of(self, resource: str) -> Mapping[int, Order]:
        """By replica; empty where nothing is noted. May raise what is Retryable, as the others may."""

    def put(self, resource: str, orders: Mapping[int, Order]) -> None:
        """No orders: nothing is noted of it any more."""

    def all(self) -> Mapping[str, Mapping[int, Order]]: ...


class RemoteModelHost:
    """A ModelHost that starts nothing: a replica is ready as soon as it is started, and is only a note.

    Whether the server behind it answers is the data path's to find out. `notes`: where they are kept; None: in memory,
    for a host whose process is alone. Endpoints are those of the last look.
    """

    traits = HostTraits()

    def __init__(
        self, remotes: Mapping[str, Remote], *, on_change: Callable[[str], None], notes: Notes | None = None
    ) -> None:
        self._remotes = dict(remotes)
        self._on_change = on_change
        self._notes = notes
        self._changing = threading.Lock()  # held while notes are read and written: nobody who serves waits for it
        self._lock = threading.Lock()
        self._started: dict[str, Mapping[int, Order]] = {}  # as last seen; without notes, all there is

    def quote(self, spec: ModelSpec) -> Quote:
        self._remote(spec)
        return Quote(
            instance_type="remote",
            usd_per_hour=None,
            usd_per_month=None,
            usd_per_instance_hour=None,
            memory_mib=0,
            download_mib=0,
            cold_start_ms=0,
            context_tokens=spec.context_tokens,
            fits=True,
            fit_reason="It runs on a remote server and takes nothing of this host.",
            assumption="The remote's operator bills its use; that price is not known here.",
        )

    def observe(self, resource: str) -> Observation:
        replicas = tuple(self._seen(index, order) for index, order in sorted(self._looked(resource).items()))
        return Observation(exists=bool(replicas), replicas=replicas)

    def start(self, order: Order, replica: int) -> None:
        def started(found: Mapping[int, Order]) -> Mapping[int, Order]:
            is_ready = replica in found and self._seen(replica, found[replica]).state is READY
            return found if is_ready else {**found, replica: order}

        self._change(order.resource, started)

    def stop(self, resource: str, replica: int) -> None:
        self._change(resource, lambda found: {index: order for index, order in found.items() if index != replica})

    def park(self, resource: str) -> None:
        self.remove(resource)

    def revise(self, order: Order) -> None:
        raise NotImplementedError("replicas of this host are replaced one by one")

    def hold_range(self, resource: str, least: int, most: int) -> None:
        """Nothing but the reconciler scales here."""

    def retag(self, resource: str, tags: Tags) -> None:
        """Nothing runs here that could outlive its time."""

    def gpu_percent(self, resource: str, since: datetime) -> Decimal | None:
        return None

    def remove(self, resource: str) -> None:
        self._change(resource, lambda _: {})

    def resources(self) -> tuple[Held, ...]:
        with self._lock:
            found = dict(self._started)
        if self._notes is not None:
            found = dict(self._notes.all())
        return tuple(Held(name, next(iter(orders.values())).tags) for name, orders in sorted(found.items()))

    def endpoints(self, resource: str) -> tuple[Endpoint, ...]:
        with self._lock:
            started = sorted(self._started.get(resource, {}).items())
        ready = [(i, self._remotes[o.spec.model]) for i, o in started if self._seen(i, o).state is READY]
        return tuple(Endpoint(i, remote.base_url, remote.served_name, remote.authorization) for i, remote in ready)

    def memory(self) -> None:
        return None

    def suspect(self, resource: str, replica: int) -> None:
        """There is nothing here to look at."""

    def close(self) -> None:
        """There is nothing here to end."""

    def _looked(self, resource: str) -> Mapping[int, Order]:
        if self._notes is not None:
            self._keep(resource, self._notes.of(resource))
        with self._lock:
            return self._started.get(resource, {})

    def _change(self, resource: str, to: Callable[[Mapping[int, Order]], Mapping[int, Order]]) -> None:
        with self._changing:
            found = self._looked(resource)
            orders = to(found)
            if orders == found:
                return
            if self._notes is not None:
                self._notes.put(resource, orders)
            self._keep(resource, orders)
        self._on_change(resource)

    def _keep(self, resource: str, orders: Mapping[int, Order]) -> None:
        with self._lock:
            if orders:
                self._started[resource] = orders
            else:
                self._started.pop(resource, None)

    def _remote(self, spec: ModelSpec) -> Remote:
        remote = self._remotes.get(spec.model)
        if remote is None:
            names = ", ".join(repr(name) for name in sorted(self._remotes)) or "none yet"
            raise InvalidInput(
                f"There is no remote {spec.model!r}. Configured: {names}. An admin adds one in the settings.",
                param="model",
            )
        if spec.kind is not remote.kind:
            raise InvalidInput(
                f"The remote {spec.model!r} is for {remote.kind.value}. Ask for kind {remote.kind.value!r}, or have an "
                "admin correct its kind in the settings.",
                param="kind",
            )
        return remote

    def _seen(self, index: int, order: Order) -> Replica:
        try:
            self._remote(order.spec)
        except InvalidInput as error:
            return Replica(index, ReplicaState.FAILED, reason=str(error), is_final=True, revision=order.revision)
        return Replica(index, READY, revision=order.revision)
