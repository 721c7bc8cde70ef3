"""What stands behind ./run.sh emulate."""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.deployment import needs
from tools.deployment.__main__ import context_pair, stage_name
from tools.deployment.refusal import Refusal
from tools.emulation import environment, processes
from tools.emulation.parts import ROOT
from tools.emulation.state import State, exclusive, forget
from tools.emulation.up import emulate

DEFAULT_STAGE = "dev"
NEEDS = (needs.NODE, needs.NPM, needs.JAVA, needs.MAVEN, needs.OPENSSL)


def parser() -> argparse.ArgumentParser:
    asked = argparse.ArgumentParser(
        prog="./run.sh emulate", description="AWS on this machine, with LLManager deployed in it."
    )
    asked.add_argument("--down", action="store_true", help="end all of it, and forget what it held")
    asked.add_argument(
        "--stage", type=stage_name, default=DEFAULT_STAGE, help="name of the installation (default: dev)"
    )
    asked.add_argument(
        "--state", type=Path, default=ROOT / "build" / "emulation", help="folder (default: build/emulation)"
    )
    asked.add_argument("--key", action="store_true", help="print the admin's key, and nothing else")
    asked.add_argument("--context", type=context_pair, action="append", default=[], help="KEY=VALUE for the CDK app")
    asked.add_argument(
        "--exec", nargs=argparse.REMAINDER, help="run this command with the emulated account's environment"
    )
    return asked


def down(folder: Path) -> None:
    for part in State.of(folder).parts.values():
        processes.stop(part)
    processes.stop_all(folder)
    is_there = folder.exists()
    forget(folder)
    print("The emulated AWS is gone, with all that it held." if is_there else "There is no emulated AWS here.")


def show(state: State, stage: str) -> None:
    url, of = state.url("front"), "" if stage == DEFAULT_STAGE else f" --stage {stage}"
    print(f"""
LLManager answers at {url}  (through the emulated API Gateway: {state.target.read_text().strip()})
Everything stays on this machine, and goes on in the background.

    export LLMANAGER_API_KEY=$(./run.sh emulate{of} --key)   # the admin's
    curl -H "authorization: Bearer $LLMANAGER_API_KEY" {url}/v1/models
    ./run.sh example --url {url}

    ./run.sh emulate{of}   deploys what you changed in the code; rows stay
    ./run.sh emulate --down   ends it, and forgets what it held""")


def execute(state: State, command: Sequence[str]) -> int:
    if not command:
        raise Refusal("--exec wants a command, for example --exec env", code=2)
    return subprocess.run(list(command), env=environment.merged(state, os.environ), check=False).returncode


def main(argv: Sequence[str]) -> int:
    options = parser().parse_args(argv)
    folder = options.state.resolve()
    try:
        if options.exec is not None:
            return execute(State.of(folder), options.exec)
        if options.key:
            return execute(
                State.of(folder),
                [sys.executable, "-m", "tools.deployment", "deploy", "--key", "--stage", options.stage],
            )
        with exclusive(folder):
            if options.down:
                down(folder)
                return 0
            needs.check(NEEDS)
            state = State.of(folder)
            emulate(state, options.stage, dict(options.context), lambda line: print(line, flush=True))
            show(state, options.stage)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.code
    except KeyboardInterrupt:
        print(
            "\nStopped. Repeating ./run.sh emulate is safe; ./run.sh emulate --down takes all of it away.",
            file=sys.stderr,
        )
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
