"""One schedule: operations of a scenario as greenlets, stepped one external call at a time."""

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from greenlet import getcurrent, greenlet

from llmanager.kernel.errors import LLManagerError
from tests.simulation.fingerprints import chained, encoded, state_key
from tests.simulation.gate import FAULTS, Crashed, Gate, Process

N_FAULTS = len(FAULTS)
MAX_STEPS = 2_000  # an operation that asks more often than that never ends


class NotDeterministic(AssertionError):
    """The same choices led elsewhere: something is read (time, ids, set order) that the world does not control."""


@dataclass(frozen=True)
class Violation:
    kind: str  # "leak", "leased-kill", "past-ttl"; the explorer adds "deadlock", "endless", "broken"
    text: str


@dataclass(frozen=True)
class Outcome:
    """How an operation ended."""

    name: str
    how: str  # "returned", "refused" (an error of ours), "crashed", "broken" (any other error), "stuck"
    value: Any = None  # what it returned, or the error


class World(Protocol):
    """All that outlives a process: rows, cloud, clock; and the judge of it."""

    def digest(self) -> bytes:
        """Equal for two worlds only if nothing that can still happen, nor any verdict, differs.

        So it is of rows, cloud, clock, ids, and whatever the judge has written down.
        """
        ...

    def violations_now(self) -> Iterable[Violation]:
        """Asked after every step: what must never be true, not even for a moment."""
        ...

    def recover(self) -> None:
        """Everybody is gone: time passes, reconcile and reaper run without faults."""
        ...

    def violations(self, outcomes: Sequence[Outcome]) -> Iterable[Violation]:
        """After recover."""
        ...


Operation = Callable[[Any], object]


@dataclass(frozen=True)
class Scenario:
    name: str  # no spaces and no "@": it is typed in replay tokens
    build: Callable[[Gate], World]  # fresh for every execution
    operations: Mapping[str, Operation]  # each called with the world, in a process of its own
    around: Callable[[], AbstractContextManager[object]] = nullcontext  # held while it is explored: a planted bug


class Execution:
    """The processes of one schedule. A code is a process and a fault in one number: index * N_FAULTS + fault."""

    def __init__(self, world: World, gate: Gate, operations: Mapping[str, Operation]) -> None:
        self.world, self.gate = world, gate
        self.hub = gate.hub = getcurrent()
        self.outcomes: dict[int, Outcome] = {}
        self.current: Process | None = None
        self.codes: list[int] = []
        self.preemptions = self.faults = 0
        self.processes = [
            Process(i, name, greenlet(self._body(i, name, run), self.hub))
            for i, (name, run) in enumerate(operations.items())
        ]

    def _body(self, index: int, name: str, run: Operation) -> Callable[[object], None]:
        def body(_: object) -> None:
            try:
                outcome = Outcome(name, "returned", run(self.world))
            except Crashed:
                outcome = Outcome(name, "crashed")
            except LLManagerError as error:
                outcome = Outcome(name, "refused", error)
            except Exception as error:  # noqa: BLE001 (whatever it is, it is a finding)
                outcome = Outcome(name, "broken", error)
            self.outcomes[index] = outcome

        return body

    def options(self, preemptions_left: int, faults_left: int) -> list[int]:
        """What may happen next; first of all what does happen if nobody interferes."""
        current = self.current
        if current is None or not current.is_runnable():
            candidates = [p for p in self.processes if p.is_runnable()]
        elif preemptions_left > 0:
            candidates = [current, *(p for p in self.processes if p is not current and p.is_runnable())]
        else:
            candidates = [current]
        if faults_left <= 0:
            return [p.index * N_FAULTS for p in candidates]
        return [p.index * N_FAULTS + fault for p in candidates for fault in (0, *p.faults)]

    def step(self, code: int) -> Process:
        process, fault = self.processes[code // N_FAULTS], FAULTS[code % N_FAULTS]
        if self.current is not process:
            if self.current is not None and self.current.is_runnable():
                self.preemptions += 1
            self.current = process
        if fault:
            self.faults += 1
        self.codes.append(code)
        self.gate.running = process
        process.greenlet.switch(fault)
        self.gate.running = None
        if process.greenlet.dead:
            process.is_over = True
            process.call = "over"
        return process

    def where(self) -> tuple[str, ...]:
        return tuple([p.call for p in self.processes])

    def settle(self) -> None:
        """Fold what was seen in the last step into the histories. The dead keep only how they ended."""
        for process in self.processes:
            if process.is_over:
                if process.news is not _NOTHING:
                    process.history, process.news = _ended(self.outcomes[process.index]), _NOTHING
            elif process.news:
                process.history = chained(process.history, process.news)
                process.news = []

    def key(self) -> int:
        """Where we are: the world, what each process has seen, and who may go on for free."""
        current = self.current
        is_going = current is not None and current.is_runnable()
        parts = [self.world.digest(), b"%d" % current.index if is_going and current is not None else b"-"]
        for process in self.processes:
            parts += process.call.encode(), process.history
        return state_key(parts)

    def end_key(self) -> tuple[bytes, ...]:
        ends = (_ended(o) for o in self.ends())
        return (self.world.digest(), *ends)

    def ends(self) -> list[Outcome]:
        return [self.outcomes.get(p.index) or Outcome(p.name, "stuck", p.call) for p in self.processes]

    def discard(self) -> None:
        """End whoever is still under way, without effect."""
        for process in self.processes:
            if not process.is_over and process.greenlet:
                process.is_crashed = True
                self.gate.running = process
                process.greenlet.throw(Crashed())
                self.gate.running = None

    def verdict(self) -> tuple[Violation, ...]:
        """Recover and judge. The world is used up then."""
        found = []
        is_deadlock = not self.options(0, 0)
        for outcome in self.ends():
            if outcome.how == "broken":
                found.append(Violation("broken", f"{outcome.name}: {_told(outcome.value)}"))
            elif outcome.how == "stuck" and is_deadlock:
                found.append(Violation("deadlock", f"{outcome.name} waits at {outcome.value} for ever"))
        ends = self.ends()
        self.discard()
        try:
            self.world.recover()
            found += self.world.violations(ends)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is a finding)
            found.append(Violation("broken", f"recover: {_told(error)}"))
        return tuple(found)


_NOTHING: list[bytes] = []


def _ended(outcome: Outcome) -> bytes:
    return encoded([outcome.how, outcome.value])


def _told(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " < ".join(f"{f.filename.rpartition('/')[2]}:{f.lineno} {f.name}" for f in reversed(frames))
    return f"{type(error).__name__}: {error} at {places}"
