"""Campaigns on several processes: the base bounds from one queue, then each worker goes on with what it holds."""

import faulthandler
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from tests.simulation import catalog
from tests.simulation.campaign import Campaign, Share
from tests.simulation.execution import Scenario
from tests.simulation.explorer import Result, quiet_memory

STUCK_S = 120  # one instalment takes a few seconds: a real lock or socket has stopped the process
INSTALMENT = 500  # executions


@dataclass(frozen=True)
class Base:
    """Explore this within the base bounds, or until there are so many executions."""

    scenario: str
    share: Share
    executions: int
    seed: int


@dataclass(frozen=True)
class Plant:
    name: str
    executions: int
    seed: int


@dataclass(frozen=True)
class More:
    """Go on with all that you hold until there are so many more schedules."""

    schedules: int


@dataclass(frozen=True)
class Report:
    """What has come of one scenario (or one share of it, or one planted bug) so far."""

    name: str
    share: Share
    result: Result
    states: int
    seconds: float


Order = Base | Plant | More


class Worker:
    def __init__(self) -> None:
        self.campaigns: list[Campaign] = []

    def obey(self, order: Order) -> Iterator[Report]:
        match order:
            case Base():
                yield self._base(order)
            case Plant():
                yield _found(order)
            case More(schedules):
                yield from self._more(schedules)

    def _base(self, order: Base) -> Report:
        began = time.perf_counter()
        scenario = catalog.named(order.scenario)
        with scenario.around():
            campaign = Campaign(scenario, order.seed, order.share)
            left = order.executions
            while left > 0 and not campaign.is_base_complete:
                with alarmed():
                    campaign.base(min(left, INSTALMENT))
                left -= INSTALMENT
        self.campaigns.append(campaign)
        return _report(campaign, scenario.name, time.perf_counter() - began)

    def _more(self, schedules: int) -> Iterator[Report]:
        seconds = dict.fromkeys(self.campaigns, 0.0)
        left, fresh = schedules, list(self.campaigns)
        while left > 0 and fresh:
            for campaign in fresh:
                began, before = time.perf_counter(), campaign.total().schedules
                with alarmed(), campaign.scenario.around():
                    campaign.more(min(left, INSTALMENT))
                left -= campaign.total().schedules - before
                seconds[campaign] += time.perf_counter() - began
                if left <= 0:
                    break
            fresh = [c for c in fresh if not c.is_exhausted]
        for campaign in self.campaigns:
            yield _report(campaign, campaign.scenario.name, seconds[campaign])


def _report(campaign: Campaign, name: str, seconds: float) -> Report:
    return Report(name, campaign.share, campaign.total(), len(campaign.memory.states), seconds)


def _found(order: Plant) -> Report:
    """Search until the planted bug shows in one of the kinds that count."""
    planted = next(p for p in catalog.PLANTED if p.name == order.name)
    began, scenario = time.perf_counter(), planted.scenario
    with scenario.around():
        campaign = Campaign(scenario, order.seed)
        while campaign.total().executions < order.executions and not campaign.is_exhausted:
            with alarmed():
                step = campaign.more if campaign.is_base_complete else campaign.base
                step(INSTALMENT, may_stop_early=not campaign.total().violations)
            if any(kind in planted.kinds for kind in campaign.total().violations):
                break
    return _report(campaign, planted.name, time.perf_counter() - began)


@contextmanager
def alarmed() -> Iterator[None]:
    """Greenlets share one thread: should one of them really block, say where and end."""
    faulthandler.dump_traceback_later(STUCK_S, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def serve(pipe: Connection) -> None:
    """The loop of a worker process: an order in, its reports and then None out."""
    worker = Worker()
    with quiet_memory():
        while True:
            try:
                order = pipe.recv()
            except EOFError:
                return
            for report in worker.obey(order):
                pipe.send(report)
            pipe.send(None)


class Crew:
    """Worker processes, each of which keeps what it has explored in its memory until the end."""

    def __init__(self, processes: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes = []
        for _ in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=serve, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def spread(self, orders: Sequence[Order]) -> Iterator[Report]:
        """Whoever is idle takes the next. Raises EOFError if a worker dies."""
        waiting, busy = list(orders), 0
        for pipe in self._pipes[: len(waiting)]:
            pipe.send(waiting.pop(0))
            busy += 1
        while busy:
            ready = wait(self._pipes)
            for pipe in [p for p in self._pipes if p in ready]:
                report: Report | None = pipe.recv()
                if report is not None:
                    yield report
                elif waiting:
                    pipe.send(waiting.pop(0))
                else:
                    busy -= 1

    def each(self, order: Order) -> Iterator[Report]:
        return self.spread([order] * len(self._pipes))

    def close(self) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join()


def shares_of(scenarios: Sequence[Scenario], processes: int) -> list[tuple[Scenario, Share]]:
    """Fewer scenarios than processes: each one's tree is dealt out."""
    parts = 1 if len(scenarios) >= processes else processes
    return [(scenario, Share(i, parts)) for scenario in scenarios for i in range(parts)]
