"""`./run.sh synth`: the templates of both targets into cdk.out; cdk-nag checks them as they are made, then cfn-lint.

Needs neither credentials nor a network. Code that is not built is stood for by a placeholder: nobody deploys from here.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
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


def templates(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(folder.glob("*.template.json"))


def lint(files: Sequence[Path]) -> int:
    command = Path(sys.executable).with_name("cfn-lint")
    return subprocess.run([command, "--", *files], cwd=ROOT, check=False).returncode


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run.sh synth", description=__doc__)
    parser.add_argument("--stage", action="append", help="dev, unless told; may be given several times")
    parser.add_argument("--target", action="append", choices=TARGETS, help="both, unless told")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the templates: cdk.out")
    parser.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE", help="of infra/options.py")
    parser.add_argument("--no-lint", action="store_true", help="without cfn-lint")
    asked = parser.parse_args(arguments)
    context = dict(pair.partition("=")[::2] for pair in asked.context)
    try:
        folders = [
            synthesise(asked.out, stage, target, context)
            for stage in asked.stage or ["dev"]
            for target in asked.target or TARGETS
        ]
    except BadOption as error:
        print(f"synth: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        print(f"synth: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    files = list(templates(folders))
    if not asked.no_lint and lint(files) != 0:
        print("synth: cfn-lint refuses the templates; the lines above say why", file=sys.stderr)
        return 1
    for file in files:
        print(file.relative_to(ROOT) if file.is_relative_to(ROOT) else file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
