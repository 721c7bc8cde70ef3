"""`./run.sh synth`: the templates of both targets into cdk.out; cdk-nag checks them as they are made, then cfn-lint.

Needs neither credentials nor a network. Code that is not built is stood for by a placeholder: nobody deploys from here.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

from aws_cdk import App

from infra.app import build
from infra.options import PLACEHOLDER, ROOT, TARGETS, BadOption

OUT = ROOT / "cdk.out"
GROUPS = ("api", "ingest", "chat")


def synthesise(out: Path, stage: str, target: str, context: Mapping[str, str]) -> Path:
    """The folder of the templates. Raises BadOption, and RuntimeError for what cdk-nag refuses (it prints that)."""
    folder = out / f"{stage}-{target}"
    shutil.rmtree(folder, ignore_errors=True)
    code = {} if _is_built(target) else {"code": PLACEHOLDER}
    app = App(outdir=str(folder), context={"stage": stage, "target": target, **code, **context})
    build(app)
    app.synth()
    return folder


def _is_built(target: str) -> bool:
    return all((ROOT / "build" / "lambda" / target / group).is_dir() for group in GROUPS)


def templates(folders: Sequence[Path]) -> list[Path]:
    return [file for folder in folders for file in sorted(folder.glob("*.template.json"))]


def lint(files: Sequence[Path]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([Path(sys.executable).with_name("cfn-lint"), "--", *files], cwd=ROOT)


def main(arguments: Sequence[str]) -> int:
    asked = parse(arguments)
    context = dict(pair.partition("=")[::2] for pair in asked.context)
    folders: list[Path] = []
    linters: list[subprocess.Popen[bytes]] = []
    try:
        for stage, target in product(asked.stage or ["dev"], asked.target or TARGETS):
            folders.append(synthesise(asked.out, stage, target, context))
            if not asked.no_lint:
                linters.append(lint(templates(folders[-1:])))  # while the next one is made
    except BadOption as error:
        print(f"synth: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        print(f"synth: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    codes = [linter.wait() for linter in linters]
    if any(codes):
        print("synth: cfn-lint refuses the templates; the lines above say why", file=sys.stderr)
        return 1
    for file in templates(folders):
        print(file.relative_to(ROOT) if file.is_relative_to(ROOT) else file)
    print("synth: cdk-nag has nothing that nobody accepted" + ("" if asked.no_lint else ", cfn-lint nothing"))
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run.sh synth", description=__doc__)
    parser.add_argument("--stage", action="append", help="dev, unless told; may be given several times")
    parser.add_argument("--target", action="append", choices=TARGETS, help="both, unless told")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the templates: cdk.out")
    parser.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE", help="of infra/options.py")
    parser.add_argument("--no-lint", action="store_true", help="without cfn-lint")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
