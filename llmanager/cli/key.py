"""./run.sh key create | list | revoke: keys made on the machine itself, by whoever may run commands there."""

import argparse
from collections.abc import Sequence
from typing import TextIO

from llmanager.auth.entities import ApiKey, NewKey
from llmanager.auth.usecases.create import create_key
from llmanager.auth.usecases.list import list_keys
from llmanager.auth.usecases.revoke import revoke_key
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.ids import NewId
from llmanager.kernel.pages import MAX_PAGE
from llmanager.kernel.principal import SCOPES, Principal
from llmanager.kernel.table import Table

EVERYDAY = ",".join(sorted(SCOPES - {"admin"}))  # `admin` makes and ends keys: it must be asked for


def main(argv: Sequence[str], *, table: Table, clock: Clock, new_id: NewId, out: TextIO) -> int:
    """Exit status: 0 done, 1 refused (the reason goes to `out`), 2 not understood (argparse says it on stderr)."""
    try:
        asked = _parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        if asked.command == "create":
            _create(asked, table, clock, new_id, out)
        elif asked.command == "list":
            _list(asked, table, clock, out)
        else:
            revoke_key(table, tenant=asked.tenant, key_id=asked.id, now=clock.now())
            print(f"Key {asked.id} is revoked. Servers forget it within 60 seconds.", file=out)
    except LLManagerError as error:
        print(error, file=out)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.sh key", description="API keys of this installation.")
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make a key; it is shown once")
    create.add_argument("name")
    create.add_argument("--scopes", default=EVERYDAY, help="comma-separated (default: all but admin)")
    create.add_argument("--expires-in-s", type=int, help="seconds until it stops working (default: never)")
    revoke = commands.add_parser("revoke", help="end a key for good")
    revoke.add_argument("id")
    listing = commands.add_parser("list", help="the keys there are, without their secrets")
    for command in (create, revoke, listing):
        command.add_argument("--tenant", default="local")
    return parser


def _create(asked: argparse.Namespace, table: Table, clock: Clock, new_id: NewId, out: TextIO) -> None:
    made: NewKey = create_key(
        table,
        caller=Principal(tenant=asked.tenant, key_id="cli", scopes=SCOPES),
        name=asked.name,
        scopes=[scope.strip() for scope in asked.scopes.split(",") if scope.strip()],
        expires_in_s=asked.expires_in_s,
        now=clock.now(),
        new_id=new_id,
    )
    print(
        f"Key {made.key.id} ({made.key.name}) of tenant {made.key.tenant}: {', '.join(sorted(made.key.scopes))}",
        file=out,
    )
    print(f"\n    {made.secret}\n", file=out)
    print("This is the only time it is shown. Send it as 'Authorization: Bearer <key>';", file=out)
    print("OpenAI clients take it as OPENAI_API_KEY, with this server's URL and /v1 as OPENAI_BASE_URL.", file=out)


def _list(asked: argparse.Namespace, table: Table, clock: Clock, out: TextIO) -> None:
    cursor = None
    while True:
        page = list_keys(table, tenant=asked.tenant, limit=MAX_PAGE, cursor=cursor)
        for key in page.items:
            print(f"{key.id}  {_state(key, clock):7}  {key.name}  {','.join(sorted(key.scopes))}", file=out)
        cursor = page.cursor
        if cursor is None:
            return


def _state(key: ApiKey, clock: Clock) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "live" if key.is_live(clock.now()) else "expired"
