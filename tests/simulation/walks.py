"""Random schedules from a seed, for what is too large to search and for bounds beyond the search."""

import random
from collections.abc import Sequence

from tests.simulation.execution import MAX_STEPS, Execution, Scenario, Violation
from tests.simulation.explorer import Bounds, Memory, Result, started

SATURATED = 0.05  # fewer new ones than that among the last: leave it


class Walks:
    """Each draws where to interfere, evenly over the length of earlier walks. Same seed and memory, same walks.

    Each begins with one of `under`, which is how several can walk without meeting.
    """

    def __init__(
        self, scenario: Scenario, bounds: Bounds, seed: int, memory: Memory, under: Sequence[tuple[int, ...]] = ((),)
    ) -> None:
        self.scenario, self.bounds, self.memory, self.under = scenario, bounds, memory, under
        self.result = Result()
        self._random = random.Random(f"{scenario.name} {seed}")
        self._length = 10.0
        self._novelty = 1.0  # the part of late walks that were new

    @property
    def is_saturated(self) -> bool:
        return self._novelty < SATURATED

    def go_on(self, executions: int, *, may_stop_early: bool = False) -> None:
        for _ in range(executions):
            self._walk()
            if self.is_saturated or (may_stop_early and self.result.violations):
                return

    def _walk(self) -> None:
        execution = started(self.scenario)
        seen: list[Violation] = []
        for code in self._random.choice(self.under):
            execution.step(code)
            seen += execution.world.violations_now()
        while len(execution.codes) < MAX_STEPS:
            seen += execution.world.violations_now()
            drawn = drawn_code(execution, self.bounds, self._random, self._length)
            if drawn is None:
                break
            execution.step(drawn)
        else:
            seen.append(Violation("endless", f"more than {MAX_STEPS} calls"))
        self._length += (len(execution.codes) - self._length) / 20
        seen += self.memory.verdict(execution)
        is_new = self.memory.is_new(execution.codes)
        self._novelty += (is_new - self._novelty) / 200
        self.result.end(self.scenario, execution, seen, is_new)


def drawn_code(execution: Execution, bounds: Bounds, chance: random.Random, length: float) -> int | None:
    """Who goes on and what fails: the bounds that are left are spread over the steps that are left."""
    preemptions = bounds.preemptions - execution.preemptions
    faults = bounds.faults - execution.faults
    steps_left = max(length - len(execution.codes), 3.0)
    may_preempt = chance.random() * steps_left < preemptions
    may_fail = chance.random() * steps_left < faults
    options = execution.options(1 if may_preempt else 0, 1 if may_fail else 0)
    return chance.choice(options) if options else None
