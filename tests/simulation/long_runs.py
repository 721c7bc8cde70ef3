"""Long random lives of one world, drawn and shrunk by hypothesis: many operations, a few at a time, faults included."""

import random
from collections.abc import Callable, Mapping
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.simulation.execution import MAX_STEPS, Execution, Operation, Outcome, World
from tests.simulation.explorer import Bounds
from tests.simulation.gate import Gate
from tests.simulation.walks import drawn_code

AT_ONCE = 3


class LongRun(RuleBasedStateMachine):
    """Subclass it with a world, its operations and, where time must pass, rules of its own.

    Such a rule (time passes, a table is down) needs no care for the gate: outside of operations it is open.
    """

    build: ClassVar[Callable[[Gate], World]]
    operations: ClassVar[Mapping[str, Operation]]
    bounds: ClassVar[Bounds] = Bounds(3, 1)  # of each handful that runs together

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate()
        self.world = type(self).build(self.gate)
        self.outcomes: list[Outcome] = []

    @rule(data=st.data(), seed=st.integers(0, 9_999))
    def together(self, data: st.DataObject, seed: int) -> None:
        names = data.draw(st.lists(st.sampled_from(sorted(self.operations)), min_size=1, max_size=AT_ONCE))
        chosen = {f"{name}-{i}": self.operations[name] for i, name in enumerate(names)}
        execution = Execution(self.world, self.gate, chosen)
        chance = random.Random(seed)
        while (code := drawn_code(execution, self.bounds, chance, 10.0 * len(names))) is not None:
            execution.step(code)
            assert len(execution.codes) < MAX_STEPS, f"{names} never end"
            self.nothing_is_violated()
        ends = execution.ends()
        execution.discard()
        bad = [end for end in ends if end.how in ("broken", "stuck")]
        assert not bad, bad
        self.outcomes += ends

    @invariant()
    def nothing_is_violated(self) -> None:
        found = list(self.world.violations_now())
        assert not found, found

    def teardown(self) -> None:
        self.world.recover()
        found = list(self.world.violations(self.outcomes))
        assert not found, found
