"""What the lifecycle needs from the outside: a host that runs replicas. One adapter a backend."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from llmanager.models.entities import Held, Memory, ModelSpec, Observation, Order, Quote, Tags


@dataclass(frozen=True)
class Endpoint:
    """Where one ready replica answers OpenAI's HTTP API."""

    replica: int
    base_url: str  # "http://127.0.0.1:40123", no trailing slash, no /v1
    served_name: str | None = None  # the model name that server expects; None: any
    authorization: str | None = field(default=None, repr=False)  # header value, a secret
    protocol: str = "openai"  # how it is spoken to, where that is not OpenAI's HTTP API on every path


@dataclass(frozen=True)
class HostTraits:
    """What the lifecycle's decisions must know of a host."""

    gone_after_s: float = 0.0  # seen absent twice, this far apart, a resource is gone; 0: once is enough
    clock_skew_s: float = 0.0  # by which clocks that share its resources may differ: leases are honoured that longer
    is_billed: bool = False  # what it holds costs money: it carries a dead man's switch, and wakes are counted
    scales_itself: bool = False  # the platform may start and stop replicas between a floor and `scaling.max`
    replaces_in_place: bool = False  # it rolls a new revision out by itself (`revise`), replica by replica
    measures_gpus: bool = False
    surge_instances: int = 0  # that an update may run beside those of `scaling.max`


class ModelHost(Protocol):
    """Runs replicas of models. Every call returns quickly: work goes on behind, `observe` tells how far it is.

    All calls are idempotent and thread-safe. Any may raise Unavailable or Throttled (retryable; the effect is unknown).
    A changing call checks the deadline that travels with the work (kernel/deadline.py) right before its effect.
    Adapters pass tests/contracts/test_model_host.py.
    """

    traits: HostTraits

    def quote(self, spec: ModelSpec) -> Quote:
        """Price, memory and fit; starts nothing.

        Raises InvalidInput for a model that cannot work (unknown, broken file, outside the allowed folder), and
        Unavailable where finding out needs a network that is not there.
        """

    def observe(self, resource: str) -> Observation:
        """May lag behind by seconds where the host is a cloud."""

    def start(self, order: Order, replica: int) -> None:
        """Begin to start one replica (fetching weights first if need be). Started already: nothing happens.

        A host that counts copies goes to `order.replicas` at once. What it creates carries `order.tags` from the call
        that creates it. Where several steps are needed, each call does the next one that can be done.
        Raises NoRoom if its memory does not fit beside the residents. Later failures show in `observe`.
        """

    def stop(self, resource: str, replica: int) -> None:
        """Begin to stop one replica, whatever its state. Stopped already: nothing happens.

        A host that counts copies keeps those with lower indices, and lowers its floor to as many.
        """

    def park(self, resource: str) -> None:
        """Begin to stop every replica; what costs nothing stays. Absent: nothing happens."""

    def revise(self, order: Order) -> None:
        """Begin to replace running replicas by ones of `order.revision`, without a gap. At it already: nothing happens.

        Only where `traits.replaces_in_place`; elsewhere never called.
        """

    def hold_range(self, resource: str, least: int, most: int) -> None:
        """The platform's own autoscaling keeps between so many from now on. Only where `traits.scales_itself`."""

    def retag(self, resource: str, tags: Tags) -> None:
        """Write the times in `tags` anew on everything that is held for the resource."""

    def remove(self, resource: str) -> None:
        """Begin to remove everything the host holds for the resource. Cached weights stay. Each call does what can be
        done now: it is called until `observe` says that nothing exists."""

    def resources(self) -> tuple[Held, ...]:
        """Everything of this stage that the host holds, in every status: what sweep and watchdog look at."""

    def endpoints(self, resource: str) -> tuple[Endpoint, ...]:
        """The replicas that are ready now, from memory: no I/O, safe on an event loop."""

    def suspect(self, resource: str, replica: int) -> None:
        """A request to this replica broke: look at it soon. Unknown ones are ignored. No I/O on the caller's thread."""

    def memory(self) -> Memory | None:
        """What replicas take of the host's budget, starting ones included; None: the host has no shared budget."""

    def gpu_percent(self, resource: str, since: datetime) -> Decimal | None:
        """The highest GPU utilisation of any replica since then, 0 to 100. None: no data, which is not idleness."""
