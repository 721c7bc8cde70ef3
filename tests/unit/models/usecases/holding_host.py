"""As much of a ModelHost as sweep and watchdog see: a list of what is held, and what is asked to be done with it."""

from dataclasses import dataclass, field

from llmanager.kernel.errors import LLManagerError
from llmanager.models.entities import Held
from llmanager.models.ports import HostTraits


@dataclass
class HoldingHost:
    """`broken`: calls that raise, by (method, resource); ("resources", "") is the list itself."""

    held: dict[str, Held] = field(default_factory=dict)
    traits: HostTraits = field(default_factory=lambda: HostTraits(is_billed=True))
    broken: dict[tuple[str, str], LLManagerError] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def hold(self, resource: str, **fields: object) -> None:
        self.held[resource] = Held(resource, **fields)

    def resources(self) -> tuple[Held, ...]:
        self._maybe_raise("resources", "")
        return tuple(self.held.values())

    def remove(self, resource: str) -> None:
        self._maybe_raise("remove", resource)
        self.calls.append(("remove", resource))

    def park(self, resource: str) -> None:
        self._maybe_raise("park", resource)
        self.calls.append(("park", resource))

    def _maybe_raise(self, method: str, resource: str) -> None:
        if (method, resource) in self.broken:
            raise self.broken[method, resource]
