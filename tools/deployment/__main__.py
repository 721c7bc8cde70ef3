"""What stands behind ./run.sh deploy, diff and destroy."""

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tools.deployment import account, needs
from tools.deployment.cdk import ROOT
from tools.deployment.deploy import admin_key, deploy, synthesise, templates
from tools.deployment.installation import Installation
from tools.deployment.refusal import Refusal
from tools.deployment.teardown import destroy, remove_data

STAGE = re.compile(r"[a-z][a-z0-9]{0,6}", re.ASCII)


def stage_name(text: str) -> str:
    if not STAGE.fullmatch(text):
        raise argparse.ArgumentTypeError("1 to 7 lower-case letters or digits, a letter first")
    return text


def context_pair(text: str) -> tuple[str, str]:
    key, is_pair, value = text.partition("=")
    if not is_pair or not key:
        raise argparse.ArgumentTypeError("KEY=VALUE")
    return key, value


def parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--stage", type=stage_name, default="dev", help="name of the installation (default: dev)")
    common.add_argument("--context", type=context_pair, action="append", default=[], help="KEY=VALUE for the CDK app")
    common.add_argument("--yes", action="store_true", help="agree to what would be asked")
    common.add_argument(
        "--out", type=Path, default=ROOT / "build" / "cdk", help="folder of templates (default: build/cdk)"
    )
    asked = argparse.ArgumentParser(prog="./run.sh", description="LLManager on AWS.")
    commands = asked.add_subparsers(dest="command", required=True)
    put = commands.add_parser("deploy", parents=[common], help="put the API on AWS, or bring what is there up to date")
    put.add_argument("--key", action="store_true", help="deploy nothing: print the admin's key of what is deployed")
    put.add_argument("--url-file", type=Path, help="write the API's address there, and leave out how to go on")
    commands.add_parser("diff", parents=[common], help="what a deploy would change")
    gone = commands.add_parser("destroy", parents=[common], help="remove all that costs money by the hour, and the API")
    gone.add_argument("--all-data", action="store_true", help="also rows, files and keys: nothing can bring them back")
    return asked


def say(line: str) -> None:
    print(line, flush=True)


def agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        say(f"{question}\n(Nobody is here to answer.)")
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def confirmed(one: Installation) -> None:
    """Typed out, and not waived by --yes: rows and files cannot be brought back."""
    say(f"This removes every row, file and key of stage {one.stage} in account {one.account.id}, for good.")
    if input(f"Type the name of the stage ({one.stage}) to go on: ").strip() != one.stage:
        raise Refusal("Nothing was removed.", code=2)


def run_deploy(one: Installation, options: argparse.Namespace) -> None:
    url = deploy(one, lambda question: options.yes or agreed(question), say)
    if options.url_file:
        options.url_file.write_text(url)
        return
    say(f"""
LLManager answers at {url}
The admin's key is kept in Secrets Manager ({one.admin_secret}).

    export LLMANAGER_API_KEY=$(./run.sh deploy --stage {one.stage} --key)
    ./run.sh example --url {url}
    ./run.sh destroy --stage {one.stage}   # all that costs money by the hour, and the API""")


def show_key(one: Installation) -> None:
    key = admin_key(one)
    if key is None:
        raise Refusal(f"There is no secret {one.admin_secret} in account {one.account.id}: deploy first.", code=2)
    say(key)


def run_destroy(one: Installation, options: argparse.Namespace) -> None:
    if options.all_data:
        confirmed(one)
    # What is destroyed is found by its name: no code has to be built for that.
    one = replace(one, context={**one.context, "code": "placeholder"})
    templates(one, say)
    if not destroy(one, say):
        say(f"There is no service stack {one.service} in account {one.account.id}, {one.account.region}.")
    if options.all_data:
        remove_data(one, say)
        say("Nothing is left.")
        return
    say(
        f"Kept: {one.stateful} (rows, files, keys). A deploy finds them again.\n"
        f"To remove them too: ./run.sh destroy --stage {one.stage} --all-data"
    )


def run_diff(one: Installation, _: argparse.Namespace) -> None:
    synthesise(one, say)
    one.cdk.diff()


COMMANDS = {"deploy": run_deploy, "destroy": run_destroy, "diff": run_diff}


def main(argv: Sequence[str]) -> int:
    options = parser().parse_args(argv)
    try:
        is_key_asked = options.command == "deploy" and options.key
        one = Installation(options.stage, account.found(), dict(options.context), options.out)
        needs.check(() if is_key_asked else (needs.NODE, needs.NPM))
        if is_key_asked:
            show_key(one)
        else:
            say(f"Account {one.account.id}, {one.account.region}, stage {one.stage}; as {one.account.caller}")
            COMMANDS[options.command](one, options)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.code
    except KeyboardInterrupt:
        print("\nStopped. Repeating the command is safe: it finds out what is already done.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
