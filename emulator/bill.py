"""The bill: one line an instance, from its launch to its end.

Exact: microseconds and Decimal rates are multiplied and summed without rounding; the only division (by the microseconds
of an hour) comes last, at 50 digits. Rounding to cents is the reader's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext

from emulator.instants import NEVER, from_us, to_us

HOUR_US = Decimal(3_600_000_000)
DIGITS = 50


@dataclass(slots=True)
class Charge:
    """A running or ended instance as the emulator keeps it; readers get a Line."""

    arn: str
    resource: str
    tags: dict[str, str]
    instance_type: str
    usd_per_hour: Decimal
    start_us: int
    end_us: int = NEVER


@dataclass(frozen=True, slots=True)
class Line:
    """What an instance of an endpoint (`resource` is its name) cost; `tags` are those it had at the launch."""

    arn: str
    resource: str
    tags: dict[str, str]
    instance_type: str
    usd_per_hour: Decimal
    start: datetime
    end: datetime | None


class Bill:
    """Every instance ever launched. It outlives the resources."""

    def __init__(self) -> None:
        self._charges: list[Charge] = []
        self._open: list[Charge] = []

    def start(self, charge: Charge) -> Charge:
        self._charges.append(charge)
        self._open.append(charge)
        return charge

    def end(self, charge: Charge, at_us: int) -> None:
        charge.end_us = at_us
        self._open = [other for other in self._open if other is not charge]

    def lines(self) -> list[Line]:
        return [line(charge) for charge in self._charges]

    def running(self, now: datetime) -> list[Line]:
        """The instances that bill at `now`."""
        at_us = to_us(now)
        return [line(charge) for charge in self._charges if charge.start_us <= at_us < charge.end_us]

    def usd(self, now: datetime, resource: str | None = None) -> Decimal:
        """What was spent until `now`: all of it, or that of one endpoint, by name or ARN."""
        at_us = to_us(now)
        with localcontext() as context:
            context.prec = DIGITS
            total = sum((usd_us(charge, at_us) for charge in self._of(resource)), Decimal(0))
            return total / HOUR_US

    def usd_per_hour(self) -> Decimal:
        """The rate at which money goes at this moment."""
        return sum((charge.usd_per_hour for charge in self._open), Decimal(0))

    def _of(self, resource: str | None) -> Iterator[Charge]:
        return (c for c in self._charges if resource is None or resource in (c.resource, c.arn))


def usd_us(charge: Charge, at_us: int) -> Decimal:
    """Rate (an hour) times microseconds, exact."""
    return charge.usd_per_hour * max(0, min(at_us, charge.end_us) - charge.start_us)


def line(charge: Charge) -> Line:
    return Line(
        charge.arn,
        charge.resource,
        dict(charge.tags),
        charge.instance_type,
        charge.usd_per_hour,
        from_us(charge.start_us),
        None if charge.end_us == NEVER else from_us(charge.end_us),
    )
