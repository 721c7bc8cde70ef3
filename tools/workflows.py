"""The linters of the GitHub workflows: `python -m tools.workflows`, a part of `./run.sh check`.

zizmor is in the development set. actionlint is a Go program: one of this version on the path is taken, or it is built
once into .cache/bin where there is Go. Where neither can be, that is said and the step is left out.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = Path(".github/workflows")
ACTIONLINT = "1.7.12"
MODULE = f"github.com/rhysd/actionlint/cmd/actionlint@v{ACTIONLINT}"
BUILD_S = 300
# Online audits need a token and the network; everything else is asked, the stricter persona included.
ZIZMOR = ("--offline", "--quiet", "--no-progress", "--persona", "pedantic")


def main() -> int:
    files = sorted(str(path) for path in (ROOT / WORKFLOWS).glob("*.yml"))
    actionlint, why_not = found_or_built(ROOT / ".cache/bin")
    if actionlint is None:
        print(f"workflows: actionlint {ACTIONLINT} was left out: {why_not}", file=sys.stderr)
    return zizmor(files) | (0 if actionlint is None else lint(actionlint, files))


def zizmor(files: Sequence[str]) -> int:
    return run([str(Path(sys.executable).with_name("zizmor")), *ZIZMOR, *files])


def lint(actionlint: Path, files: Sequence[str]) -> int:
    """Without shellcheck and pyflakes: what they say depends on whether and which of them is there."""
    return run([str(actionlint), "-shellcheck=", "-pyflakes=", *files])


def found_or_built(folder: Path) -> tuple[Path | None, str]:
    """The program, or why there is none."""
    for candidate in (folder / f"actionlint-{ACTIONLINT}", shutil.which("actionlint")):
        if candidate is not None and is_pinned(Path(candidate)):
            return Path(candidate), ""
    go = shutil.which("go")
    if go is None:
        return None, "it is not installed, and there is no Go to build it with (https://go.dev/dl)"
    return built(go, folder)


def built(go: str, folder: Path) -> tuple[Path | None, str]:
    folder.mkdir(parents=True, exist_ok=True)
    command = ["env", f"GOBIN={folder}", "GOFLAGS=-mod=mod", "GOTOOLCHAIN=local", go, "install", MODULE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S, check=False)
    except subprocess.TimeoutExpired:
        return None, f"go install took more than {BUILD_S} s"
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return None, f"go install {MODULE} failed: {last}"
    return (folder / "actionlint").rename(folder / f"actionlint-{ACTIONLINT}"), ""


def is_pinned(program: Path) -> bool:
    """Whether it is the version that the workflows were written against: another one finds other things."""
    try:
        told = subprocess.run([str(program), "-version"], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return False
    return told.stdout.split()[:1] in ([ACTIONLINT], [f"v{ACTIONLINT}"])


def run(command: Sequence[str]) -> int:
    """1 and what it found, or 0 and silence."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(done.stdout, done.stderr, sep="", end="", file=sys.stderr)
    return int(done.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
