"""./run.sh fleet: what runs on a server, why, since when and what it costs; drawn anew until Ctrl-C."""

import argparse
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any, TextIO
from urllib.parse import urlsplit

from llmanager.cli.fleet_table import drawn
from llmanager.kernel.errors import Forbidden, InvalidInput, Unauthenticated, Unavailable, UpstreamFailed
from llmanager.wiring import values

EVERY_S = 2.0
TIMEOUT_S = 30.0
WIDE = 1000  # characters, where nobody reads on a screen
NEW_SCREEN = "\x1b[H\x1b[2J"

Ask = Callable[[str, str | None], dict[str, Any]]  # base URL, key -> the answer of POST /admin/fleet


def main(
    argv: Sequence[str], *, url: str, key: str | None, out: TextIO, width: int, pause: Callable[[float], None], ask: Ask
) -> int:
    """The exit status. Raises an LLManagerError that says what to do where no server answers, or not with a fleet."""
    asked = _parser(url).parse_args(argv)
    try:
        base_url = values.web_address(asked.url)
    except ValueError as error:
        raise InvalidInput(f"--url {error}", param="url") from None
    is_live = out.isatty() and not asked.once
    try:
        while True:
            table = drawn(ask(base_url, key), width)
            out.write((NEW_SCREEN if is_live else "") + table)
            out.flush()
            if not is_live:
                return 0
            pause(EVERY_S)
    except KeyboardInterrupt:
        return 0


def ask(base_url: str, key: str | None) -> dict[str, Any]:
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
    request = urllib.request.Request(f"{base_url}/admin/fleet", b"{}", headers)  # noqa: S310 (http or https: main checks)
    # A proxy that the environment names is for other machines, never for this one.
    is_here = values.is_loopback(urlsplit(base_url).hostname or "")
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if is_here else []))
    try:
        with opener.open(request, timeout=TIMEOUT_S) as response:
            fleet: dict[str, Any] = json.load(response)
    except urllib.error.HTTPError as refusal:
        raise _refusal(refusal.code, base_url) from refusal
    except OSError as error:
        raise Unavailable(
            f"No server answers at {base_url}. Start one with ./run.sh local, or name another with --url."
        ) from error
    except ValueError as error:
        raise UpstreamFailed(f"What answers at {base_url} is no LLManager. Name another address with --url.") from error
    return fleet


def url_of(host: str, port: int) -> str:
    """Where this machine's own server listens. One that listens everywhere does so on loopback too."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _refusal(status: int, base_url: str) -> Exception:
    if status in (401, 403):
        cls = Unauthenticated if status == 401 else Forbidden
        return cls(
            f"The server at {base_url} wants an API key with the scope admin. Make one with ./run.sh key create NAME "
            "--scopes admin, and set LLMANAGER_API_KEY to it."
        )
    return UpstreamFailed(
        f"The server at {base_url} answered {status} to /admin/fleet. Is it an LLManager of this version, and is it "
        "well (GET /ready)?"
    )


def _parser(url: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.sh fleet", description="Models, their cost and their sleep, live.")
    parser.add_argument("--once", action="store_true", help="show it once, as when the output is no terminal")
    parser.add_argument("--url", default=url, help="of the server (default: %(default)s)")
    return parser
