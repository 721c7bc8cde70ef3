"""`./run.sh simulate`: spends a number of schedules on all scenarios, or shows that planted bugs are found."""

import argparse
import random
import sys
import time
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch

from tests.simulation import catalog, days
from tests.simulation.explorer import Result
from tests.simulation.replay import replay
from tests.simulation.tokens import strays_of
from tests.simulation.workers import Base, Crew, More, Order, Plant, Report, shares_of

COUNTED = {"leaks": "leak", "leased-kills": "leased-kill", "past-ttl": "past-ttl"}
HEAD = f"{'scenario':34} {'schedules':>9} {'repeated':>8} {'pruned':>8} {'states':>8} {'per s':>6}  base bounds"


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    if given.replay:
        try:
            name, strays = strays_of(given.replay)
            return 1 if replay(catalog.named(name), strays) else 0
        except (ValueError, IndexError) as error:
            print(f"{given.replay!r} cannot be replayed: {error}", file=sys.stderr)
            return 2
    seed = random.randrange(1_000_000) if given.seed is None else given.seed
    print(f"seed {seed} (repeat with --seed {seed}; {given.processes} processes)", flush=True)
    days_failed = given.days and days.told(seed, print)
    crew = Crew(given.processes)
    try:
        run = _planted if given.planted else _simulate
        return run(crew, given, seed) or int(days_failed)
    except EOFError:
        print("a worker process died; what it wrote above says where", file=sys.stderr)
        return 2
    finally:
        crew.close()


def _positive(text: str) -> int:
    number = int(text)
    if not 0 < number <= 10**9:
        raise ValueError
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run.sh simulate", description=__doc__)
    parser.add_argument(
        "--schedules",
        type=_positive,
        default=100_000,
        metavar="N",
        help="at least so many in all",
    )
    parser.add_argument(
        "--days", action="store_true", help="first the long virtual times: 10,000 lives, days of outages"
    )
    parser.add_argument("--planted", action="store_true", help="find the planted bugs instead")
    parser.add_argument(
        "--scenario",
        default="*",
        metavar="PATTERN",
        help="only those; with --planted, bugs by name",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="of the random walks")
    parser.add_argument("--processes", type=_positive, default=2, metavar="N")
    parser.add_argument("--replay", metavar="TOKEN", help="tell one schedule step by step")
    return parser


def _simulate(crew: Crew, given: argparse.Namespace, seed: int) -> int:
    chosen = catalog.chosen(given.scenario)
    if not chosen:
        print(f"no scenario is called like {given.scenario!r}", file=sys.stderr)
        return 2
    parts = shares_of(chosen, given.processes)
    most = max(
        50, 5 * given.schedules // (2 * len(parts))
    )  # of one part: so that a large one leaves something for the rest
    began = time.perf_counter()
    reports = Reports()
    reports.take(crew.spread([Base(s.name, share, most, seed) for s, share in parts]))
    left = given.schedules - reports.total().schedules
    if left > 0:
        reports.take(crew.each(More(-(-left // given.processes))))
    reports.table()
    total = reports.total()
    seconds = time.perf_counter() - began
    print(f"{total.executions} executions in {seconds:.0f} s, {total.executions / seconds:.0f} a second")
    counts = {label: _schedules(total, kind) for label, kind in COUNTED.items()}
    print(f"schedules: {total.schedules} " + " ".join(f"{label}: {n}" for label, n in counts.items()))
    return 1 if total.violations else 0


def _schedules(result: Result, kind: str) -> int:
    return result.violations[kind].schedules if kind in result.violations else 0


def _planted(crew: Crew, given: argparse.Namespace, seed: int) -> int:
    chosen = {p.name: p for p in catalog.PLANTED if fnmatch(p.name, given.scenario)}
    if not chosen:
        print(f"no planted bug is called like {given.scenario!r}", file=sys.stderr)
        return 2
    orders: list[Order] = [Plant(name, given.schedules, seed) for name in chosen]
    found = 0
    for report in crew.spread(orders):
        shown = {k: v for k, v in report.result.violations.items() if k in chosen[report.name].kinds}
        found += bool(shown)
        print(f"{'found ' if shown else 'MISSED'} {report.name}: {chosen[report.name].what}")
        told = ", ".join(f"{kind} ({v.text}) {v.token}" for kind, v in (shown or report.result.violations).items())
        print(
            f"       after {report.result.executions} executions, {report.seconds:.1f} s: {told or 'nothing'}",
            flush=True,
        )
    print(f"planted bugs found: {found}/{len(chosen)}")
    return 0 if 0 < len(chosen) == found else 1


class Reports:
    """The newest report of each part, added up by scenario."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, int], Report] = {}
        self._seconds: dict[str, float] = {}

    def take(self, reports: Iterable[Report]) -> None:
        for report in reports:
            self._newest[report.name, report.share.index] = report
            self._seconds[report.name] = self._seconds.get(report.name, 0.0) + report.seconds

    def table(self) -> None:
        print(HEAD)
        for name in sorted({name for name, _ in self._newest}):
            parts = [r for (n, _), r in sorted(self._newest.items()) if n == name]
            total = _sum(parts)
            states, seconds = sum(p.states for p in parts), self._seconds[name] or 1e-9
            print(
                f"{name:34} {total.schedules:9} {total.repeated:8} {total.pruned:8} {states:8} "
                f"{total.executions / seconds:6.0f}  {'complete' if total.is_complete else 'cut'}"
            )
            for kind, found in total.violations.items():
                print(f"    {kind} in {found.schedules}: {found.text}\n        --replay '{found.token}'")

    def total(self) -> Result:
        return _sum(self._newest.values())


def _sum(reports: Iterable[Report]) -> Result:
    total = Result(is_complete=True)
    for report in reports:
        total.merge(report.result)
    return total


if __name__ == "__main__":
    sys.exit(main())
