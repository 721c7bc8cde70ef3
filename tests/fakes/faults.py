"""Something goes wrong at a chosen call of a port: the process dies there, or the call fails."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from llmanager.kernel.errors import Unavailable


class Fault(StrEnum):
    DIES_BEFORE = "dies before"  # the call does nothing, and none after it
    DIES_AFTER = "dies after"  # the call took effect, and none after it
    FAILS = "fails"  # the call does nothing and raises Unavailable
    LOSES = "loses"  # the call took effect and raises what the port has for that, which is Unavailable


def lost_answer() -> Exception:
    return Unavailable("The fake lost its answer.")


class Died(BaseException):
    """No handler of the code under test catches it, as none runs in a process that is killed."""


@dataclass
class Faults:
    """Hands out ports that go wrong together. `arm` says when; nothing goes wrong until then, and only once."""

    fault: Fault | None = None
    calls_left: int = 0
    is_dead: bool = False

    def arm(self, fault: Fault, after_calls: int) -> None:
        self.fault, self.calls_left = fault, after_calls

    def revive(self) -> None:
        self.fault, self.is_dead = None, False

    def port(self, target: Any, *, lost: Callable[[], Exception] = lost_answer) -> Any:
        """`lost`: what the port raises where a call took effect and nobody can say so."""
        return _Port(self, target, lost)

    def call(self, method: Callable[..., Any], lost: Callable[[], Exception], *args: Any, **kwargs: Any) -> Any:
        fault = self._due()
        if self.is_dead or fault is Fault.DIES_BEFORE:
            self._die()
        if fault is Fault.FAILS:
            raise Unavailable("The fake failed.")
        answer = method(*args, **kwargs)
        if fault is Fault.DIES_AFTER:
            self._die()
        if fault is Fault.LOSES:
            raise lost()
        return answer

    def _due(self) -> Fault | None:
        if self.fault is None:
            return None
        self.calls_left -= 1
        if self.calls_left >= 0:
            return None
        fault, self.fault = self.fault, None
        return fault

    def _die(self) -> None:
        self.is_dead = True
        raise Died


class _Port:
    def __init__(self, faults: Faults, target: Any, lost: Callable[[], Exception]) -> None:
        self._faults, self._target, self._lost = faults, target, lost

    def __getattr__(self, name: str) -> Any:
        return partial(self._faults.call, getattr(self._target, name), self._lost)
