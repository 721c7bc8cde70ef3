"""`./run.sh coverage`: how much of the lifecycle modules their unit tests reach, branches counted."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.lifecycle_modules import LEAST_COVERED_PERCENT, chosen, unit_tests_of

ROOT = Path(__file__).resolve().parent.parent


def measured(modules: list[str], folder: Path) -> dict[str, dict[str, object]]:
    """What coverage says of each file. Raises CalledProcessError where a test fails."""
    coverage, data = [sys.executable, "-m", "coverage"], f"--data-file={folder / 'data'}"
    tests = unit_tests_of(ROOT, modules)
    run = [
        *coverage,
        "run",
        data,
        "--branch",
        f"--include={','.join(modules)}",
        "-m",
        "pytest",
        "-q",
        "--no-header",
        *tests,
    ]
    subprocess.run(run, cwd=ROOT, check=True)
    report = folder / "report.json"
    subprocess.run([*coverage, "json", data, "-q", "-o", str(report)], cwd=ROOT, check=True)
    found: dict[str, dict[str, object]] = json.loads(report.read_text())["files"]
    return found


def main(asked: list[str]) -> int:
    try:
        modules = chosen(ROOT, asked)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        try:
            files = measured(modules, Path(folder))
        except subprocess.CalledProcessError:
            print("coverage: the tests do not pass", file=sys.stderr)
            return 1
    worst = 100.0
    for module in modules:
        percent, missing = figures(files.get(module))
        worst = min(worst, percent)
        print(f"{module:<48} {percent:6.1f} %  {missing}")
    is_enough = worst >= LEAST_COVERED_PERCENT
    print(
        f"coverage: least {worst:.1f} %, goal {LEAST_COVERED_PERCENT} % of each: {'reached' if is_enough else 'missed'}"
    )
    return 0 if is_enough else 1


def figures(file: dict[str, object] | None) -> tuple[float, str]:
    """Percent of lines and branches, and where what is missing is. A module that no test imports is not covered."""
    if file is None:
        return 0.0, "no test imports it"
    summary, lines, branches = file["summary"], file["missing_lines"], file["missing_branches"]
    assert isinstance(summary, dict)
    assert isinstance(lines, list)
    assert isinstance(branches, list)
    arrows = [f"{start}->{'exit' if end < 0 else end}" for start, end in branches]
    return float(summary["percent_covered"]), " ".join([*map(str, lines), *arrows])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
