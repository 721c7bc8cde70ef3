"""What stands behind ./run.sh verify."""

import argparse
import secrets
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from llmanager.kernel.errors import LLManagerError
from llmanager.wiring.settings import Settings
from tools.verification import report
from tools.verification.account import account
from tools.verification.api import HttpApi, StepFailed, post
from tools.verification.evidence import Evidence
from tools.verification.free import walk_for_free
from tools.verification.made import Made, remove_all
from tools.verification.pace import Pace, emulated
from tools.verification.place import place_of
from tools.verification.recording import Recorder
from tools.verification.vectors import life_of_a_vector_database
from tools.verification.walk import Walk, create_model, life_of_a_model, look_for_gpu_metrics, remove_model

RECORDED = Path(__file__).resolve().parents[2] / "tests/contracts/recorded"
CHAT, EMBEDDER = "qwen3-0.6b", "all-minilm-l6-v2"


@dataclass(frozen=True)
class Names:
    """Short enough to stand whole in the names that AWS shows."""

    chat: str
    embedder: str
    vdb: str


def names() -> Names:
    mark = secrets.token_hex(2)
    return Names(f"verify-{mark}", f"vrfemb-{mark}", f"verify-{mark}")


def main(argv: Sequence[str]) -> int:
    """0: every assumption that was seen holds. 1: one does not, or a step failed. 2: it could not begin."""
    settings = Settings.load(Path(".env"))
    options = parser(settings).parse_args(argv)
    signal.signal(signal.SIGTERM, stop)
    try:
        place = place_of(options.stage, url=options.url, key=options.key, region=options.region)
        recorder = Recorder("emulator")
        aws = account(place.region, options.stage, recorder)
        recorder.source = "emulator" if aws.is_emulated else "aws"
    except LLManagerError as error:
        print(f"verify: {error}", file=sys.stderr)
        return 2
    pace = emulated() if aws.is_emulated else Pace()
    say(f"{place.url}, stage {options.stage}, {place.region}{', emulated' if aws.is_emulated else ''}")
    walk = Walk(HttpApi(place.url, place.key), aws, Evidence(aws.is_emulated), Made(), pace, say)
    failed = guarded(walk, options)
    if options.record and recorder.calls:
        written = recorder.write(RECORDED / recorder.source, datetime.now(UTC).date())
        say(f"recorded: {len(written)} files in {written[0].parent.relative_to(Path.cwd())}; read before you commit")
    return max(failed, min(1, report.show(walk.evidence, say)))


def guarded(walk: Walk, options: argparse.Namespace) -> int:
    """The walk, and what it made away again. 0, or 1 and it is said why."""
    failed = 0
    try:
        failed = walked(walk, options)
    except (StepFailed, LLManagerError) as error:
        walk.say(f"\nFailed: {error}")
        failed = 1
    except KeyboardInterrupt:
        walk.say("\nStopped; what was made is removed first. Again Ctrl-C leaves it.")
        failed = 1
    finally:
        cleaned(walk)
    return failed


def walked(walk: Walk, options: argparse.Namespace) -> int:
    walk.say("\nWhat costs nothing:")
    walk_for_free(walk, options.model)
    if options.free:
        return 0
    most = report.price(walk.api, {options.model: {"kind": "chat"}, options.embedder: {"kind": "embedding"}})
    walk.say(
        f"\nThe rest starts two of the smallest instances and takes about an hour. At most {most} USD, by list prices."
    )
    if not agreed(walk, is_said=options.yes):
        walk.say("Nothing was started.")
        return 1
    walk_that_costs(walk, names(), options)
    return 0


def walk_that_costs(walk: Walk, named: Names, options: argparse.Namespace) -> None:
    walk.mark("asked to create")
    create_model(walk, named.chat, options.model, kind="chat")
    create_model(walk, named.embedder, options.embedder, kind="embedding")
    life_of_a_model(walk, named.chat)
    life_of_a_vector_database(walk, named.vdb, named.embedder)
    look_for_gpu_metrics(walk)
    usd = report.spent(walk.api, {named.chat, named.embedder})
    walk.evidence.numbers["usd by the ledger"] = float(usd)
    walk.say(
        f"\nThe ledger says {usd:.2f} USD until now. AWS tells its own sum tomorrow: Cost Explorer, SageMaker, usage"
    )
    walk.say(f"type Host, tag llmanager:stage={options.stage} (once it is activated as a cost allocation tag).")
    post(walk.api, "/vdb/delete", name=named.vdb)
    post(walk.api, "/model/delete", name=named.embedder)
    remove_model(walk, named.chat)


def cleaned(walk: Walk) -> None:
    try:
        if walk.made.things:
            walk.say("\nRemoving what was made:")
        left = remove_all(walk.made, walk.api, walk.account, walk.pace, walk.say)
    except KeyboardInterrupt:
        left = [f"{thing.what}: POST {thing.remove[0]} {thing.remove[1]}" for thing in walk.made.things]
    except (LLManagerError, StepFailed) as error:
        left = [f"it could not be seen whether something is left: {error}"]
    walk.say(
        "Nothing is left."
        if not left
        else "LEFT, and some of it costs money:\n" + "\n".join(f"  {one}" for one in left)
    )


def agreed(walk: Walk, *, is_said: bool) -> bool:
    if is_said:
        return True
    if not sys.stdin.isatty():
        walk.say("(Nobody is here to answer; --yes says yes.)")
        return False
    return input("Type yes to go on: ").strip().lower() == "yes"


def parser(settings: Settings) -> argparse.ArgumentParser:
    asked = argparse.ArgumentParser(prog="./run.sh verify", description="Ask AWS what no emulator can tell.")
    asked.add_argument("--stage", default=settings.stage, help="of the deployed installation (default: %(default)s)")
    asked.add_argument("--region", help="default: the one of the environment")
    asked.add_argument("--url", help="of the API (default: from the stack's outputs)")
    asked.add_argument(
        "--key", default=settings.api_key, help="an admin's (default: LLMANAGER_API_KEY, or the stack's)"
    )
    asked.add_argument("--model", default=CHAT, help="a small chat model of the catalog (default: %(default)s)")
    asked.add_argument("--embedder", default=EMBEDDER, help="and a small embedder (default: %(default)s)")
    asked.add_argument("--free", action="store_true", help="only what costs nothing")
    asked.add_argument("--yes", action="store_true", help="agree to the price")
    asked.add_argument("--record", action=argparse.BooleanOptionalAction, default=True, help="keep what AWS answered")
    return asked


def stop(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
