"""How a bug is planted: one function of the product swapped for one that is subtly wrong, and put back."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from tests.simulation.execution import Scenario

MONEY = ("leak", "leased-kill", "past-ttl")


@dataclass(frozen=True)
class Planted:
    """A known bug, put in from outside the product, and a scenario in which the explorer must see it."""

    name: str
    what: str  # one line: what was changed, and who made this mistake
    scenario: Scenario  # its `build` or `around` plants the bug
    kinds: tuple[str, ...] = MONEY  # only these count as found


@dataclass(frozen=True)
class Swap:
    """`wrong` is given what it takes the place of, so that it may do all but one thing as before."""

    owner: Any  # the module or class where the name is looked up
    name: str
    wrong: Callable[[Any], Any]


@contextmanager
def swapped(*swaps: Swap) -> Iterator[None]:
    with ExitStack() as undo:
        for swap in swaps:
            right = vars(swap.owner)[swap.name]
            undo.callback(setattr, swap.owner, swap.name, right)
            setattr(swap.owner, swap.name, swap.wrong(right))
        yield


def planted(name: str, what: str, scenario: Scenario, *swaps: Swap, kinds: tuple[str, ...] = MONEY) -> Planted:
    """In a scenario of its own, for what it begins with must be as the bug makes it."""

    def around() -> AbstractContextManager[object]:
        return swapped(*swaps)

    build = scenario.build
    fresh = build.anew() if hasattr(build, "anew") else build
    return Planted(name, what, replace(scenario, name=f"planted-{name}", build=fresh, around=around), kinds)
