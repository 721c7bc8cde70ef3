"""Replay tokens: a schedule as "scenario@step:process,step:process+fault", naming only where it left the usual way.

The usual way: the current process goes on; where it cannot, the first that can; nothing fails.
"""

from tests.simulation.execution import N_FAULTS, Execution, NotDeterministic, Scenario
from tests.simulation.gate import Fault, Gate

_LETTERS = {Fault.CRASH_BEFORE: "b", Fault.CRASH_AFTER: "a", Fault.THROTTLE: "t", Fault.TIMEOUT_AFTER: "l"}
_FAULTS = {letter: fault for fault, letter in _LETTERS.items()}


def token_of(scenario: Scenario, codes: list[int]) -> str:
    """Runs the schedule again to learn where it strayed: found schedules are few."""
    gate = Gate()
    execution = Execution(scenario.build(gate), gate, scenario.operations)
    strays = []
    for step, code in enumerate(codes):
        if code != usual(execution):
            letter = _LETTERS.get(Fault(code % N_FAULTS), "")
            strays.append(f"{step}:{code // N_FAULTS}{letter}")
        execution.step(code)
    execution.discard()
    return f"{scenario.name}@{','.join(strays)}"


def strays_of(token: str) -> tuple[str, dict[int, int]]:
    """The scenario's name, and the code at each step that strayed. Raises ValueError for what is no token."""
    name, at, rest = token.partition("@")
    if not at:
        raise ValueError(f"{token!r} is no replay token: it has no '@'")
    strays = {}
    for part in filter(None, rest.split(",")):
        step, _, what = part.partition(":")
        fault = _FAULTS.get(what[-1:], Fault.OK)
        strays[int(step)] = int(what.rstrip("abtl")) * N_FAULTS + fault
    return name, strays


def usual(execution: Execution) -> int | None:
    options = execution.options(0, 0)
    return options[0] if options else None


def next_code(execution: Execution, strays: dict[int, int]) -> int | None:
    """What the token says for this step; None at the end. Raises NotDeterministic where it does not fit any more."""
    code = strays.get(len(execution.codes), usual(execution))
    if code is not None and code not in execution.options(1, 1):
        raise NotDeterministic(f"step {len(execution.codes)}: the token does not fit this code any more")
    return code
