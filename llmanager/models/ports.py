"""What the lifecycle needs from the outside: a host that runs replicas. One adapter a backend."""

from dataclasses import dataclass, field
from typing import Protocol

from llmanager.models.entities import Memory, ModelSpec, Observation, Quote


@dataclass(frozen=True)
class Endpoint:
    """Where one ready replica answers OpenAI's HTTP API."""

    replica: int
    base_url: str  # "http://127.0.0.1:40123", no trailing slash, no /v1
    served_name: str | None = None  # the model name that server expects; None: any
    authorization: str | None = field(default=None, repr=False)  # header value, a secret


class ModelHost(Protocol):
    """Runs replicas of models. Every call returns quickly: work goes on behind, `observe` tells how far it is.

    All calls are idempotent and thread-safe. Any may raise Unavailable or Throttled (retryable; the effect is unknown).
    Adapters pass tests/contracts/test_model_host.py.
    """

    gone_after_s: float  # seen absent twice, this far apart (s), a resource is gone; 0: once is enough

    def quote(self, spec: ModelSpec) -> Quote:
        """Price, memory and fit; starts nothing.

        Raises InvalidInput for a model that cannot work (unknown, broken file, outside the allowed folder), and
        Unavailable where finding out needs a network that is not there.
        """

    def observe(self, resource: str) -> Observation: ...

    def start(self, resource: str, spec: ModelSpec, replica: int) -> None:
        """Begin to start one replica (fetching weights first if need be). Started already: nothing happens.

        Raises NoRoom if its memory does not fit beside the residents. Later failures show in `observe`.
        """

    def stop(self, resource: str, replica: int) -> None:
        """Begin to stop one replica, whatever its state. Stopped already: nothing happens."""

    def remove(self, resource: str) -> None:
        """Begin to remove everything the host holds for the resource. Cached weights stay."""

    def resources(self) -> tuple[str, ...]:
        """Every resource the host holds anything for: what a sweep compares with the rows."""

    def endpoints(self, resource: str) -> tuple[Endpoint, ...]:
        """The replicas that are ready now, from memory: no I/O, safe on an event loop."""

    def suspect(self, resource: str, replica: int) -> None:
        """A request to this replica broke: look at it soon. Unknown ones are ignored. No I/O on the caller's thread."""

    def memory(self) -> Memory | None:
        """What replicas take of the host's budget, starting ones included; None: the host has no shared budget."""
