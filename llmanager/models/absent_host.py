"""In place of a host that this process may not use, while there are models of it: nothing of theirs is forgotten.

It is no longer set up, or another process alone may use it: then `traits` say what decisions must know of it here.
"""

from datetime import datetime
from decimal import Decimal
from typing import NoReturn

from llmanager.kernel.errors import Unavailable
from llmanager.models.entities import Backend, Held, Memory, ModelSpec, Observation, Order, Quote, Tags
from llmanager.models.ports import Endpoint, HostTraits

RETRY_S = 60.0


class AbsentHost:
    """A ModelHost that can do nothing. What its models cost goes on, so their rows stay and every pass says why."""

    def __init__(self, backend: Backend, traits: HostTraits = HostTraits(is_billed=True)) -> None:  # noqa: B008 (frozen)
        self._backend, self.traits = backend, traits

    def _refuse(self) -> NoReturn:
        raise Unavailable(
            f"The backend {self._backend.value!r} is not set up on this server, and this model is on it. It may cost "
            "money there. Set the backend up again.",
            retry_after_s=RETRY_S,
        )

    def quote(self, spec: ModelSpec) -> Quote:
        self._refuse()

    def observe(self, resource: str) -> Observation:
        self._refuse()

    def start(self, order: Order, replica: int) -> None:
        self._refuse()

    def stop(self, resource: str, replica: int) -> None:
        self._refuse()

    def park(self, resource: str) -> None:
        self._refuse()

    def revise(self, order: Order) -> None:
        self._refuse()

    def hold_range(self, resource: str, least: int, most: int) -> None:
        self._refuse()

    def retag(self, resource: str, tags: Tags) -> None:
        self._refuse()

    def remove(self, resource: str) -> None:
        self._refuse()

    def resources(self) -> tuple[Held, ...]:
        self._refuse()

    def gpu_percent(self, resource: str, since: datetime) -> Decimal | None:
        self._refuse()

    def endpoints(self, resource: str) -> tuple[Endpoint, ...]:
        return ()

    def suspect(self, resource: str, replica: int) -> None:
        """Nothing to look at."""

    def memory(self) -> Memory | None:
        return None
