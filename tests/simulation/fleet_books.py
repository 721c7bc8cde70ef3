"""Our own account of what an emulated account owes: each instance's times, written down as they come to pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from emulator.bill import Bill, Charge
from emulator.instants import NEVER


@dataclass
class Ran:
    """An instance by the recorder: launched and ended when."""

    resource: str
    instance_type: str
    start_us: int
    end_us: int = NEVER


class RecordingBill(Bill):
    """Told of each launch and each end, it writes its own list of them: what is due is summed from that elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.ran: dict[int, Ran] = {}

    def start(self, charge: Charge) -> Charge:
        self.ran[id(charge)] = Ran(charge.resource, charge.instance_type, charge.start_us)
        return super().start(charge)

    def end(self, charge: Charge, at_us: int) -> None:
        self.ran[id(charge)].end_us = at_us
        super().end(charge, at_us)


def owed_usd(ran: Sequence[Ran], until_us: int, known: Mapping[str, Decimal]) -> Fraction:
    """Price by the second of everything that ran until then, in exact fractions of a dollar."""
    microseconds: dict[str, int] = {}
    for one in ran:
        span = min(one.end_us, until_us) - one.start_us
        microseconds[one.instance_type] = microseconds.get(one.instance_type, 0) + max(0, span)
    return sum((Fraction(known[kind]) * us / 3_600_000_000 for kind, us in microseconds.items()), Fraction(0))
