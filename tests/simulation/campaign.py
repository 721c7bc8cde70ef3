"""What is spent on one scenario: its bounds to the end first, then larger ones and random walks in turn."""

from dataclasses import dataclass

from tests.simulation.execution import Scenario
from tests.simulation.explorer import Bounds, Memory, Result, Search, beginnings
from tests.simulation.walks import Walks

BASE = Bounds(2, 1)
DEEPER = (Bounds(3, 1), Bounds(2, 2), Bounds(3, 2))
WALKED = Bounds(5, 3)
SHARED_AT = 3  # codes: the depth at which a tree is dealt out


@dataclass(frozen=True)
class Share:
    """One of several parts of a scenario's tree: the schedules whose first codes fall to it."""

    index: int = 0
    of: int = 1

    def beginnings(self, scenario: Scenario, bounds: Bounds) -> list[tuple[int, ...]]:
        if self.of == 1:
            return [()]
        return [codes for codes in beginnings(scenario, bounds, SHARED_AT) if hash(codes) % self.of == self.index]


class Campaign:
    """Explores one share of a scenario in instalments: `base` once, then `more` as long as there is anything new.

    A share keeps its own memory, so that what it leaves out has been explored by itself.
    """

    def __init__(self, scenario: Scenario, seed: int, share: Share | None = None) -> None:
        self.scenario, self.share = scenario, share or Share()
        self.memory = Memory()
        self._over = Result()
        self._bounds = [BASE, *DEEPER]
        self._searches = self._next_searches()
        under = self.share.beginnings(scenario, WALKED)
        self._walks = Walks(scenario, WALKED, seed, self.memory, under) if under else None
        self._is_walking = False
        self.is_base_complete = False

    def base(self, executions: int, *, may_stop_early: bool = False) -> None:
        """Everything within the base bounds, at most so many executions."""
        until = self.total().executions + executions
        while not self.is_base_complete and (left := until - self.total().executions) > 0:
            self._search(left, may_stop_early)
            if may_stop_early and self.total().violations:
                return

    def more(self, executions: int, *, may_stop_early: bool = False) -> None:
        """Larger bounds and random walks, in turn. Where the base was cut short, walks only."""
        may_search = self.is_base_complete and bool(self._searches)
        may_walk = self._walks is not None and not self._walks.is_saturated
        self._is_walking = may_walk and not (may_search and self._is_walking)
        if self._is_walking and self._walks is not None:
            self._walks.go_on(executions, may_stop_early=may_stop_early)
        elif may_search:
            self._search(executions, may_stop_early)

    @property
    def is_exhausted(self) -> bool:
        may_walk = self._walks is not None and not self._walks.is_saturated
        return not may_walk and not (self.is_base_complete and self._searches)

    def total(self) -> Result:
        total = Result(is_complete=True)
        under_way = [search.result for search in self._searches]
        for part in (self._over, *under_way, *([self._walks.result] if self._walks else [])):
            total.merge(part)
        total.is_complete = self.is_base_complete
        return total

    def _search(self, executions: int, may_stop_early: bool) -> None:
        if self._searches:
            search = self._searches[-1]
            search.go_on(executions, may_stop_early=may_stop_early)
            if search.result.is_complete:
                self._over.merge(self._searches.pop().result)
        if not self._searches:
            self.is_base_complete = True
            self._searches = self._next_searches()

    def _next_searches(self) -> list[Search]:
        """The next larger bounds, once the last ones were searched to the end."""
        if not self._bounds:
            return []
        bounds = self._bounds.pop(0)
        under = self.share.beginnings(self.scenario, bounds)
        return [Search(self.scenario, bounds, self.memory, codes) for codes in under]
