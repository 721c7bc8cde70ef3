"""One schedule told step by step: who did what, what failed, what was seen, and the verdict."""

from collections.abc import Callable

from tests.simulation.execution import MAX_STEPS, N_FAULTS, Scenario, Violation
from tests.simulation.explorer import started
from tests.simulation.gate import FAULTS, Process
from tests.simulation.tokens import next_code


def replay(scenario: Scenario, strays: dict[int, int], say: Callable[[str], None] = print) -> tuple[Violation, ...]:
    with scenario.around():
        return _replay(scenario, strays, say)


def _replay(scenario: Scenario, strays: dict[int, int], say: Callable[[str], None]) -> tuple[Violation, ...]:
    execution = started(scenario)

    def tell(_: Process, value: object) -> None:
        say(f"                  -> {_short(value)}")

    execution.gate.listener = tell
    found: list[Violation] = []
    while len(execution.codes) < MAX_STEPS:
        code = next_code(execution, strays)
        if code is None:
            break
        process, fault = execution.processes[code // N_FAULTS], FAULTS[code % N_FAULTS]
        mark = "*" if len(execution.codes) in strays else " "
        suffix = f"   !! {fault.label}" if fault else ""
        say(f"{mark}{len(execution.codes):4}  {process.name:12} {process.call}{suffix}")
        execution.step(code)
        if process.is_over:
            outcome = execution.outcomes[process.index]
            say(f"      {process.name:12} {outcome.how} {_short(outcome.value)}")
        found += execution.world.violations_now()
    execution.gate.listener = None
    found += execution.verdict()
    for violation in dict.fromkeys(found):
        say(f"VIOLATION {violation.kind}: {violation.text}")
    if not found:
        say("no violation")
    return tuple(dict.fromkeys(found))


def _short(value: object) -> str:
    text = "" if value is None else repr(value)
    return text if len(text) <= 100 else text[:97] + "..."
