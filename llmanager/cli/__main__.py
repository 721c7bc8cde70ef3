"""What run.sh starts: `local` serves on this machine, `key` makes, lists and revokes keys, `fleet` shows models,
`catalog` reads anew what runs on SageMaker.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from llmanager.cli import catalog, fleet, key
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.ids import random_id
from llmanager.wiring import logs
from llmanager.wiring.aws.catalog import Draft, draft
from llmanager.wiring.local.parts import keys_table
from llmanager.wiring.local.server import serve
from llmanager.wiring.settings import Settings

ENV_FILE = Path(".env")


def main(argv: list[str]) -> int:
    """The exit status: 0 done, 2 the settings or the arguments are wrong."""
    command, rest = (argv[0], argv[1:]) if argv else ("", [])
    try:
        match command:
            case "local":
                return run_local(rest)
            case "key":
                with keys_table(Settings.load(ENV_FILE)) as table:
                    return key.main(rest, table=table, clock=SystemClock(), new_id=random_id, out=sys.stdout)
            case "fleet":
                return show_fleet(rest)
            case "catalog":
                return catalog.main(rest, make_draft=catalog_draft, out=sys.stdout)
    except LLManagerError as error:
        print(f"llmanager: {error}", file=sys.stderr)
        return 2
    print("usage: llmanager {local,key,fleet,catalog} …", file=sys.stderr)
    return 2


def run_local(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run.sh local", description="Serve on this machine until Ctrl-C.")
    parser.add_argument("--port", help="TCP port, instead of LLMANAGER_PORT; 0: any free one")
    asked = parser.parse_args(argv)
    settings = Settings.load(ENV_FILE, **({} if asked.port is None else {"LLMANAGER_PORT": asked.port}))
    logs.configure(settings.log_level)
    serve(settings, out=sys.stdout)
    return 0


def show_fleet(argv: list[str]) -> int:
    settings = Settings.load(ENV_FILE)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else fleet.WIDE
    return fleet.main(
        argv,
        url=fleet.url_of(settings.host, settings.port),
        key=settings.api_key,
        out=sys.stdout,
        width=width,
        pause=time.sleep,
        ask=fleet.ask,
    )


def catalog_draft(regions: Sequence[str], is_offline: bool) -> Draft:
    return draft(Path.cwd(), regions, SystemClock().now().date(), is_offline=is_offline)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
