"""./run.sh catalog sync: SageMaker's images, JumpStart's ids, sizes and prices, read anew into the catalog's JSON."""

import argparse
from collections.abc import Callable, Sequence
from typing import TextIO

from llmanager.wiring.aws.catalog import Draft

MakeDraft = Callable[[Sequence[str], bool], Draft]  # regions, whether AWS is left alone


def main(argv: Sequence[str], *, make_draft: MakeDraft, out: TextIO) -> int:
    """The exit status. Raises an LLManagerError that says what to do where it cannot be done."""
    try:
        asked = _parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    draft = make_draft(asked.region or ["us-east-1"], asked.offline)
    print(draft.diff() or "Nothing would change.", end="\n\n", file=out)
    for remark in draft.remarks:
        print(f"! {remark}", file=out)
    if asked.write:
        draft.write()
        print("Written. Run ./run.sh test tests/unit/adapters/aws before you commit it.", file=out)
    else:
        print("Nothing was written. With --write it is.", file=out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.sh catalog", description="The catalog of what runs on SageMaker.")
    commands = parser.add_subparsers(dest="command", required=True)
    sync = commands.add_parser("sync", help="show what reading its sources anew would change")
    sync.add_argument("--write", action="store_true", help="and change it")
    sync.add_argument("--offline", action="store_true", help="images only, which need no account")
    sync.add_argument("--region", action="append", help="whose prices are read; may be repeated (default: us-east-1)")
    return parser
