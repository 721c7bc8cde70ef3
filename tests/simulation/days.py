"""What `./run.sh simulate --days` adds: 10,000 whole lives, and a fleet's days without each of its components."""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulation import lifecycles
from tests.simulation.fleet_actors import Triggers
from tests.simulation.fleet_days import HOUR_S, Days, outages_of
from tests.simulation.fleet_days import Told as DaysTold
from tests.simulation.fleet_world import COMPONENTS
from tests.simulation.lifecycles import Told as LivesTold

LIVES = 10_000
HOURS = 40
SKEWED_HOURS = 24
ACTORS = ("api", "reaper", "gateway", "watchdog")


def told(seed: int, say: Callable[[str], None], *, lives: int = LIVES, processes: int = 2) -> bool:
    """Says a line for each run as it ends. True: some promise was broken."""
    is_broken = False
    with ProcessPoolExecutor(processes) as pool:
        accounts = [
            pool.submit(lifecycles.run, lives // processes, seed + i, is_checked=False) for i in range(processes)
        ]
        runs = {name: pool.submit(timed, partial(live, seed)) for name, live in RUNS.items()}
        for i, account in enumerate(accounts):
            line, bad = of_lives(account.result())
            is_broken = is_broken or bool(bad)
            _say(say, f"lives, account {i + 1}: {line}", bad)
        for name, run in runs.items():
            of, seconds = run.result()
            is_broken = is_broken or bool(of.violations)
            _say(say, f"{name}: {of_days(of)}, {seconds:.0f} s", of.violations)
    return is_broken


def _say(say: Callable[[str], None], line: str, bad: list[str]) -> None:
    say(line)
    for one in bad[:5]:
        say(f"    BROKEN {one}")


def timed(live: Callable[[], DaysTold]) -> tuple[DaysTold, float]:
    began_s = time.perf_counter()
    return live(), time.perf_counter() - began_s


def without(component: str, seed: int) -> DaysTold:
    return Days(seed, outages_of(component)).run(HOURS)


def skewed(actor: str, skew_s: int, seed: int) -> DaysTold:
    return Days(seed, skews={actor: skew_s}).run(SKEWED_HOURS)


def repeated(seed: int) -> DaysTold:
    return Days(seed, triggers=Triggers(repeats=2, late_s=HOUR_S)).run(SKEWED_HOURS)


RUNS: dict[str, Callable[[int], DaysTold]] = {
    **{f"without {component} for 30 min, 6 h, 24 h": partial(without, component) for component in COMPONENTS},
    **{f"{actor} {skew_s:+} s": partial(skewed, actor, skew_s) for actor in ACTORS for skew_s in (600, -600)},
    "each pass twice, and again an hour late": repeated,
}


def of_lives(of: LivesTold) -> tuple[str, list[str]]:
    """The line, and what is wrong."""
    bad = of.leaks + [f"a row is left: {row}" for row in of.rows_left] + of.unended + of.tenants_off
    if abs(of.bill_error_usd) * 100 >= 1:
        bad.append(f"the bill is off by {float(of.bill_error_usd)} USD")
    line = (
        f"{of.lives} in {of.seconds:.0f} s ({of.virtual_days:.0f} virtual days), {of.instances} instances, "
        f"leaks {len(of.leaks)}, rows left {len(of.rows_left)}, bill {of.bill_usd:.2f} USD "
        f"off by {abs(float(of.bill_error_usd)):.2f}, ledgers {of.ledger_usd:.2f} USD"
    )
    return line, bad


def of_days(of: DaysTold) -> str:
    ended = ", ".join(f"{count} {why}" for why, count in sorted(of.cuts.items()))
    return (
        f"{of.hours:.0f} virtual h, {of.endpoints} endpoints, {of.served} requests; streams ended: {ended or 'none'}; "
        f"at most {of.longest_past_end_s:.0f} s past a hard end; {len(of.violations)} broken promises"
    )
