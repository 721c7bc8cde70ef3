"""The gate: every external call of code under test asks here whether, when and how badly it happens."""

from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from typing import NoReturn, TypeVar

from greenlet import greenlet

from tests.simulation.fingerprints import encoded

T = TypeVar("T")


class Fault(IntEnum):
    OK = 0
    CRASH_BEFORE = 1  # the process ends, the call never left
    CRASH_AFTER = 2  # the call took effect, then the process ends
    THROTTLE = 3  # refused, no effect
    TIMEOUT_AFTER = 4  # took effect, the answer is lost

    @property
    def label(self) -> str:
        return self.name.lower().replace("_", "-")


FAULTS = tuple(Fault)
WRITE = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.THROTTLE, Fault.TIMEOUT_AFTER)
READ = (Fault.CRASH_BEFORE, Fault.THROTTLE)  # without an effect, before and after are the same
LOCAL_WRITE = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)  # no network between: it cannot be refused or lose an answer
LOCAL_READ = (Fault.CRASH_BEFORE,)


class Crashed(BaseException):
    """This process is dead. Whatever it still tries on its way out (finally, except) has no effect either."""


class Process:
    """One operation under way: where it stands, and all that it has seen, as a hash."""

    __slots__ = ("call", "faults", "greenlet", "history", "index", "is_crashed", "is_over", "name", "news", "until")

    def __init__(self, index: int, name: str, started: greenlet) -> None:
        self.index, self.name, self.greenlet = index, name, started
        self.call = "start"
        self.faults: tuple[Fault, ...] = ()
        self.until: Callable[[], bool] | None = None
        self.is_crashed = self.is_over = False
        self.history = b""
        self.news: list[bytes] = []

    def is_runnable(self) -> bool:
        return not self.is_over and (self.until is None or self.until())


class Gate:
    """Called in a process it hands over to the explorer; anywhere else (build, recover, check) it is open.

    Whoever wraps a port calls the gate first, performs the fault that it gets, and tells `saw` every value that goes
    back to the code under test: answers, errors, clock readings, ids. Two processes that have seen the same are taken
    for the same, so a value that is not told can hide a schedule. `faulty` does all of it for a plain function.
    """

    def __init__(self) -> None:
        self.hub: greenlet | None = None
        self.running: Process | None = None
        self.is_recording = True  # off while known steps are repeated: their histories are known too
        self.listener: Callable[[Process, object], None] | None = None

    def __call__(self, name: str, faults: tuple[Fault, ...] = WRITE) -> Fault:
        """Raises Crashed where the process ends before the call; the other faults are the caller's to perform."""
        process = self.running
        if process is None:
            return Fault.OK
        if process.is_crashed:
            raise Crashed(name)
        process.call, process.faults = name, faults
        fault: Fault = self.hub.switch()  # type: ignore[union-attr]
        if fault is Fault.CRASH_BEFORE:
            self.crash()
        if self.is_recording:
            process.news.append(b"%d" % fault)
        return fault

    def block(self, until: Callable[[], bool], name: str = "wait") -> None:
        """The process goes on only once `until` holds, which must be a pure reading of the world."""
        process = self.running
        if process is None:
            if not until():
                raise AssertionError(f"{name}: nobody is left who could make it true")
            return
        process.until = until
        self(name, ())
        process.until = None

    def saw(self, value: object) -> None:
        process = self.running
        if process is None:
            return
        if self.is_recording:
            process.news.append(encoded(value))
        if self.listener is not None:
            self.listener(process, value)

    def crash(self) -> NoReturn:
        assert self.running is not None
        self.running.is_crashed = True
        raise Crashed(self.running.call)

    @property
    def is_crashed(self) -> bool:
        """The caller is dead and on its way out: what needs no gate must do nothing either."""
        return self.running is not None and self.running.is_crashed


def faulty(
    gate: Gate,
    name: str,
    effect: Callable[[], T],
    throttle: Callable[[], Exception],
    timeout: Callable[[], Exception],
    faults: tuple[Fault, ...] = WRITE,
) -> T:
    """One external call: the gate first, then the effect, with what the explorer chose going wrong."""
    fault = gate(name, faults)
    if fault is Fault.THROTTLE:
        raise throttle()
    if fault:
        with suppress(Exception):  # a refusal is an answer too: nobody hears it
            effect()
        if fault is Fault.CRASH_AFTER:
            gate.crash()
        raise timeout()
    try:
        answer = effect()
    except Exception as error:
        gate.saw(error)
        raise
    gate.saw(answer)
    return answer


class GateLock:
    """A lock between processes, in place of threading.Lock: that one would stop the explorer itself.

    A crashed holder never releases it.
    """

    def __init__(self, gate: Gate, name: str = "lock") -> None:
        self.gate, self.name, self.is_held = gate, name, False

    def __enter__(self) -> None:
        self.gate.block(lambda: not self.is_held, self.name)
        self.is_held = True

    def __exit__(self, *_: object) -> None:
        if not self.gate.is_crashed:
            self.is_held = False
