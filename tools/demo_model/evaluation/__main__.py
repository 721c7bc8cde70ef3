"""`./run.sh demo-model eval`: asks, prints what came as tables, and with --write keeps it in the model card."""

import argparse
import os
import platform
import shlex
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import requests

from example_app.example import Refused
from tools.demo_model.evaluation import calls, synthetic, talking, texts, waking
from tools.demo_model.evaluation.card import Circumstances, Measured, page, replaced
from tools.demo_model.evaluation.server import ALIAS, Asked, ready

CARD: Final = Path(__file__).resolve().parents[3] / "docs" / "demo-tiny.md"
PARTS: Final = ("texts", "synthetic", "calls", "talk", "waking")


def main(argv: list[str]) -> int:
    parser = arguments()
    asked = parser.parse_args(argv)
    parts = tuple(asked.only or PARTS)
    if asked.write and (set(parts) != set(PARTS) or asked.texts != "*"):
        parser.error("--write replaces all tables of the card: not with --only or --texts, which leave some out")
    try:
        with ready(asked.model, asked.url, asked.key) as server:
            measured = measure(server, parts, asked.texts, asked.seed)
            sha256 = server.sha256
    except (Refused, requests.RequestException, OSError) as failure:
        print(f"demo-model eval: {failure}", file=sys.stderr)
        return 1
    day = datetime.now(UTC).date().isoformat()
    text = page(measured, Circumstances(day, machine(), command(asked), sha256, asked.seed))
    print(text)
    if asked.write:
        CARD.write_text(replaced(CARD.read_text("utf-8"), text), "utf-8")
        print(f"\nwritten into {CARD.name}", file=sys.stderr)
    return 0


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run.sh demo-model eval", description="Measure demo-tiny end to end.")
    parser.add_argument("--model", default=ALIAS, help="demo-tiny, or a GGUF file that takes its place")
    parser.add_argument("--texts", default="*", metavar="PATTERN", help="of the names in bench/texts; default: all")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may be repeated. default: all")
    parser.add_argument("--seed", type=int, default=7, help="of contexts, requests and samples; default: %(default)s")
    parser.add_argument("--write", action="store_true", help="keep it in docs/demo-tiny.md")
    parser.add_argument("--url", help="a running server whose demo-tiny is asked; else one is started")
    parser.add_argument("--key", default=os.environ.get("LLMANAGER_API_KEY"), help="an API key, where keys are on")
    return parser


def measure(server: Asked, parts: tuple[str, ...], pattern: str, seed: int) -> Measured:
    found = Measured()
    if "texts" in parts:
        say("texts …")
        found = replace(found, texts=tuple(texts.told(server, pattern)))
    if "synthetic" in parts:
        say("held-out contexts …")
        found = replace(found, synthetic=tuple(synthetic.told(server, seed)))
    if "calls" in parts:
        say("tools and JSON …")
        found = replace(found, calls=tuple(calls.shares(server, seed)))
    if "talk" in parts:
        say("talk …")
        found = replace(found, talk=tuple(talking.shares(server, seed)))
    if "waking" in parts:
        say("the first token from sleep …")
        found = replace(found, first_tokens=tuple(waking.first_tokens(server)))
    return found


def command(asked: argparse.Namespace) -> str:
    """As the card may show it: no key, no address, no folder of this machine."""
    options = [f"--model {Path(asked.model).name}"] if asked.model != ALIAS else []
    options += [f"--texts {shlex.quote(asked.texts)}"] if asked.texts != "*" else []
    options += [f"--only {part}" for part in asked.only or ()]
    options += ["--url …"] if asked.url else []
    return " ".join(["./run.sh demo-model eval", *options])


def machine() -> str:
    return f"{os.cpu_count()} processors ({platform.machine()}, {platform.system()})"


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
