"""What a pass over one model sees, beside the model's row. Frozen, so that a decision can be repeated and printed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from llmanager.models.entities import Observation, Use
from llmanager.models.ports import HostTraits


@dataclass(frozen=True)
class GpuLoad:
    """The host was asked."""

    percent: Decimal | None  # None: it has no data, which is neither idle nor busy


@dataclass(frozen=True)
class Sight:
    seen: Observation
    use: Use = Use()  # noqa: RUF009 (frozen)
    traits: HostTraits = HostTraits()  # noqa: RUF009 (frozen)
    busy: frozenset[int] | None = None  # replicas with requests of this process; None: no requests go through it
    gpu: GpuLoad | None = None  # None: the host was not asked

    def is_held(self, now: datetime) -> bool:
        """Somebody uses the model. A lease counts until it has run out by everybody's clock."""
        return bool(self.busy) or self.use.is_held(now - timedelta(seconds=self.traits.clock_skew_s))

    def is_busy(self, replica: int, now: datetime) -> bool:
        """A request may be under way at that replica."""
        return self.is_held(now) if self.busy is None else replica in self.busy
