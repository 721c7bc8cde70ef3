"""The second killer: a thread that needs no rows, so that it works while their keeper or their file does not."""

from collections.abc import Callable, Iterable
from functools import partial

from llmanager.kernel.clock import Clock
from llmanager.models.ports import ModelHost
from llmanager.models.usecases.watch import check, watch

EVERY_S = 60.0


def watchers(hosts: Iterable[ModelHost], clock: Clock, stage: str) -> list[Callable[[], None]]:
    """One chore a host: one that cannot be asked holds up no other."""
    return [partial(_watched, host, clock, stage) for host in hosts]


def _watched(host: ModelHost, clock: Clock, stage: str) -> None:
    check(watch(host, now=clock.now(), stage=stage))
