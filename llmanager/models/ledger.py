"""What a model has cost: instances times price times time, in exact decimals. Pure.

Nothing is counted while the price is unknown. What ran before it was learned, without a change of instances, is
counted at the price that was learned.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from llmanager.models.entities import Ledger

NANO_USD = Decimal("1e-9")  # what a row keeps: digits would grow with every settlement
_MICROSECOND = timedelta(microseconds=1)
_HOUR_US = Decimal(3_600_000_000)


def counted(ledger: Ledger, *, instances: int, usd_per_instance_hour: Decimal | None, now: datetime) -> Ledger:
    """The ledger once `instances` are seen to run; the same object while their number stands."""
    if instances == ledger.instances:
        return ledger
    return replace(settled(ledger, usd_per_instance_hour, now), instances=instances, since=_onward(ledger, now))


def settled(ledger: Ledger, usd_per_instance_hour: Decimal | None, now: datetime) -> Ledger:
    """What ran so far put on the bill, at the price that held for it: call it before the price changes."""
    if usd_per_instance_hour is None or not ledger.instances:
        return ledger
    usd = ledger.settled_usd + _running_usd(ledger, usd_per_instance_hour, now)
    return replace(ledger, settled_usd=usd.quantize(NANO_USD), since=_onward(ledger, now))


def spent_usd(ledger: Ledger, usd_per_instance_hour: Decimal | None, now: datetime) -> Decimal | None:
    """None: the price is unknown and something ran."""
    if usd_per_instance_hour is None:
        return ledger.settled_usd if ledger.since is None else None
    return ledger.settled_usd + _running_usd(ledger, usd_per_instance_hour, now)


def _running_usd(ledger: Ledger, usd_per_instance_hour: Decimal, now: datetime) -> Decimal:
    if ledger.since is None or now <= ledger.since:
        return Decimal(0)
    elapsed_us = (now - ledger.since) // _MICROSECOND
    return ledger.instances * usd_per_instance_hour * elapsed_us / _HOUR_US


def _onward(ledger: Ledger, now: datetime) -> datetime:
    """Where counting goes on. Clocks may go back: no stretch of time is counted twice."""
    return now if ledger.since is None else max(ledger.since, now)
