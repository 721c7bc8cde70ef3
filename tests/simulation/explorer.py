"""The systematic search: every schedule of a scenario within bounds, depth first, each run from the start."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.simulation.execution import MAX_STEPS, Execution, NotDeterministic, Scenario, Violation
from tests.simulation.gate import Gate
from tests.simulation.tokens import token_of

_BITS = 8  # bounds stay below this


@dataclass(frozen=True)
class Bounds:
    """How much may go wrong in one schedule. Going on where nobody can, or after an end, is no preemption."""

    preemptions: int = 2
    faults: int = 1


@dataclass
class Found:
    text: str
    token: str
    schedules: int = 0  # how many ended with this kind


@dataclass
class Result:
    schedules: int = 0  # run to their end, each different
    repeated: int = 0  # run to their end, but counted before: under smaller bounds, or drawn at random
    pruned: int = 0  # left where an earlier schedule had been with at least as much bound left
    is_complete: bool = False
    violations: dict[str, Found] = field(default_factory=dict)

    @property
    def executions(self) -> int:
        return self.schedules + self.repeated + self.pruned

    def end(self, scenario: Scenario, execution: Execution, violations: Iterable[Violation], is_new: bool) -> None:
        if is_new:
            self.schedules += 1
            self.add(scenario, execution, violations)
        else:
            self.repeated += 1

    def add(self, scenario: Scenario, execution: Execution, violations: Iterable[Violation]) -> None:
        """Count each kind once a schedule, and keep the first of a kind with what replays it."""
        for kind, text in {v.kind: v.text for v in violations}.items():
            if kind not in self.violations:
                self.violations[kind] = Found(text, token_of(scenario, execution.codes))
            self.violations[kind].schedules += 1

    def merge(self, other: "Result") -> None:
        self.schedules += other.schedules
        self.repeated += other.repeated
        self.pruned += other.pruned
        self.is_complete = self.is_complete and other.is_complete
        for kind, found in other.violations.items():
            mine = self.violations.setdefault(kind, Found(found.text, found.token))
            mine.schedules += found.schedules


class Memory:
    """States already explored, each with the bounds that were left; verdicts by the state at the end; schedules run."""

    def __init__(self) -> None:
        self.states: dict[int, int] = {}
        self.verdicts: dict[tuple[bytes, ...], tuple[Violation, ...]] = {}
        self.schedules: set[int] = set()

    def is_known(self, key: int, left: Bounds) -> bool:
        """Whether all that can follow was or will be explored from there; if not, it will be now."""
        known = self.states.get(key, 0)
        if known >> (left.preemptions * _BITS + left.faults) & 1:
            return True
        self.states[key] = known | _within(left)
        return False

    def is_new(self, codes: list[int]) -> bool:
        before = len(self.schedules)
        self.schedules.add(hash(tuple(codes)))
        return len(self.schedules) > before

    def verdict(self, execution: Execution) -> tuple[Violation, ...]:
        key = execution.end_key()
        known = self.verdicts.get(key)
        if known is None:
            known = self.verdicts[key] = execution.verdict()
        else:
            execution.discard()
        return known


_WITHIN: dict[Bounds, int] = {}


def _within(left: Bounds) -> int:
    """A bit for each pair of bounds that is no larger than `left`."""
    if left not in _WITHIN:
        pairs = [(p, f) for p in range(left.preemptions + 1) for f in range(left.faults + 1)]
        _WITHIN[left] = sum(1 << (p * _BITS + f) for p, f in pairs)
    return _WITHIN[left]


class _Frame:
    """A place where more than nothing could be chosen, and what has been."""

    __slots__ = ("at", "histories", "options", "where")

    def __init__(self, options: list[int], where: tuple[str, ...], histories: list[bytes], at: int = 0) -> None:
        self.options, self.where, self.histories, self.at = options, where, histories, at


class Search:
    """Depth-first over one scenario. `go_on` may be called again and again until `result.is_complete`.

    `under` keeps to schedules that begin with these codes. Without `memory` nothing is left out.
    """

    def __init__(
        self, scenario: Scenario, bounds: Bounds, memory: Memory | None = None, under: tuple[int, ...] = ()
    ) -> None:
        self.scenario, self.bounds, self.memory, self.under = scenario, bounds, memory, under
        self.result = Result()
        self._frames: list[_Frame] = []
        self._left = [[Bounds(p, f) for f in range(_BITS)] for p in range(_BITS)]

    def go_on(self, executions: int, *, may_stop_early: bool = False) -> None:
        """At most so many more executions; `may_stop_early`: the first violation is enough."""
        until = self.result.executions + executions
        while self.result.executions < until and not self.result.is_complete:
            self._execute()
            self.result.is_complete = not self._advance()
            if may_stop_early and self.result.violations:
                return

    def _execute(self) -> None:
        execution = started(self.scenario)
        self._replay(execution)
        seen: list[Violation] = []
        while True:
            execution.settle()
            seen += execution.world.violations_now()
            left = self._left[self.bounds.preemptions - execution.preemptions][self.bounds.faults - execution.faults]
            options = execution.options(left.preemptions, left.faults)
            if not options:
                break
            if self.memory is not None and self.memory.is_known(execution.key(), left):
                execution.discard()
                self.result.pruned += 1
                self.result.add(self.scenario, execution, seen)
                return
            if len(execution.codes) >= MAX_STEPS:
                seen += _ENDLESS
                break
            self._frames.append(_Frame(options, execution.where(), [p.history for p in execution.processes]))
            execution.step(options[0])
        seen += self.memory.verdict(execution) if self.memory is not None else execution.verdict()
        self.result.end(self.scenario, execution, seen, self.memory is None or self.memory.is_new(execution.codes))

    def _replay(self, execution: Execution) -> None:
        """Repeat the choices up to the newest. What they show is known, so nothing is hashed on the way."""
        if not self._frames:
            for code in self.under:
                execution.settle()
                execution.step(code)
            return
        execution.gate.is_recording = False
        for code in self.under:
            execution.step(code)
        last = self._frames[-1]
        for frame in self._frames:
            if execution.where() != frame.where:
                told = f"{self.scenario.name}: was at {frame.where}, now at {execution.where()}"
                raise NotDeterministic(f"{told} after {token_of(self.scenario, execution.codes)}")
            if frame is last:
                execution.gate.is_recording = True
                for process, history in zip(execution.processes, frame.histories, strict=True):
                    process.history = history
            execution.step(frame.options[frame.at])

    def _advance(self) -> bool:
        frames = self._frames
        while frames:
            frames[-1].at += 1
            if frames[-1].at < len(frames[-1].options):
                return True
            frames.pop()
        return False


_ENDLESS = (Violation("endless", f"more than {MAX_STEPS} calls"),)


def started(scenario: Scenario) -> Execution:
    gate = Gate()
    return Execution(scenario.build(gate), gate, scenario.operations)


def beginnings(scenario: Scenario, bounds: Bounds, depth: int) -> list[tuple[int, ...]]:
    """The tree cut into parts: all codes that a schedule can begin with. Shorter ones are whole schedules."""
    level: list[tuple[int, ...]] = [()]
    for _ in range(depth):
        level = [codes for parent in level for codes in _children(scenario, bounds, parent)]
    return level


def _children(scenario: Scenario, bounds: Bounds, codes: tuple[int, ...]) -> list[tuple[int, ...]]:
    execution = started(scenario)
    for code in codes:
        execution.step(code)
    options = execution.options(bounds.preemptions - execution.preemptions, bounds.faults - execution.faults)
    execution.discard()
    return [(*codes, option) for option in options] or [codes]


@contextmanager
def quiet_memory() -> Iterator[None]:
    """Each execution leaves cycles; looking for them after every few hundred objects would take half the time."""
    was = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1_000)
    try:
        yield
    finally:
        gc.set_threshold(*was)
        gc.unfreeze()
        gc.collect()


def explore(
    scenario: Scenario, bounds: Bounds | None = None, *, is_pruned: bool = True, limit: int = 1_000_000
) -> Result:
    search = Search(scenario, bounds or Bounds(), Memory() if is_pruned else None)
    with quiet_memory(), scenario.around():
        search.go_on(limit)
    return search.result
