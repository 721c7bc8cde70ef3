"""The emulated account as a server on this machine.

    python -m emulator [--port N] [--engines FILE] [--speed N] [--seconds NAME=S] ...

Prints its URL when it answers. SIGTERM and Ctrl-C end it with every worker it started; kill -9 does too.
"""

import argparse
import asyncio
import dataclasses
import logging
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from emulator.cloud import Cloud
from emulator.conditions import Timing
from emulator.http.engines import ROOT, engines
from emulator.http.fleet import Fleet
from emulator.http.server import serving
from emulator.prices import PRICES, listed_in

SPEED = 90.0  # an instance starts in 2 s, and is released 7 s after its last copy
REAL = frozenset({"health_check_s", "metrics_keep_s"})  # what workers and readers of this machine need stays as it is
HEALTH_CHECK_S = 120.0


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def timing(speed: float, given: list[str]) -> Timing:
    """AWS's times divided by `speed`, then those given by name (instance_start_s=2). Raises ValueError."""
    if speed <= 0:
        raise ValueError("The speed is a number above 0.")
    usual = {field.name: float(getattr(Timing(), field.name)) for field in dataclasses.fields(Timing)}
    seconds = {name: value if name in REAL else value / speed for name, value in usual.items()}
    seconds["health_check_s"] = min(seconds["health_check_s"], HEALTH_CHECK_S) if speed > 1 else usual["health_check_s"]
    for one in given:
        name, _, value = one.partition("=")
        if name not in usual:
            raise ValueError(f"There is no {name!r}; there are {', '.join(usual)}.")
        seconds[name] = float(value)
    return Timing(**seconds)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emulator", description="SageMaker hosting, emulated.")
    parser.add_argument("--port", type=int, default=0, help="of 127.0.0.1; 0: a free one")
    parser.add_argument("--engines", type=Path, help="JSON: what runs in containers (emulator/http/engines.py)")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "emulated", help="a folder for the engines")
    parser.add_argument("--speed", type=float, default=SPEED, help="AWS's times are divided by it")
    parser.add_argument("--seconds", action="append", default=[], metavar="NAME=S", help="one of Timing's, as it is")
    parser.add_argument("--prices", type=Path, help='JSON {"ml.g5.xlarge": "1.408", ...}')
    parser.add_argument("--region", default="us-east-1", help="shown where a request does not say one")
    parser.add_argument("--account", default="000000000000")
    parser.add_argument("--lag-s", type=float, default=0.0, help="how late every read is")
    return parser


async def serve(options: argparse.Namespace) -> None:
    fleet = Fleet(engines(options.engines), options.cache.resolve()) if options.engines else None
    cloud = Cloud(
        WallClock(),
        prices=listed_in(options.prices) if options.prices else PRICES,
        timing=timing(options.speed, options.seconds),
        region=options.region,
        account=options.account,
        lag_s=options.lag_s,
        containers=fleet,
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(cloud, fleet, port=options.port) as (url, keeping):
        sys.stdout.write(url + "\n")
        sys.stdout.flush()
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, keeping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if keeping.done():
            keeping.result()  # raises what ended it


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="emulator: %(message)s")
    parser = arguments()
    options = parser.parse_args()
    try:
        asyncio.run(serve(options))
    except (ValueError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
