"""`./run.sh mutate [module ...]`: plants small mistakes in the lifecycle modules and sees whether a unit test notices.

mutmut makes and runs the mutants, in a copy of the tree. It changes functions without decorators only: constants of a
module and properties are not tried. What changes nothing but the words of a text is left out of every figure.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.lifecycle_modules import EQUIVALENT, LEAST_KILLED_PERCENT, chosen, unit_tests_of

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("llmanager", "tests", "bench", "tools", "emulator")  # those of them that there are
SURVIVED, NO_TESTS = 0, 33  # mutmut's exit codes; any other but those of UNKNOWN is a test that failed or ran too long
UNKNOWN = (None, 2, 34, 37)  # not run, interrupted, skipped
WORD = "__mutmut_"


@dataclass(frozen=True)
class Mutant:
    module: str
    line: int
    before: str
    after: str
    is_killed: bool
    is_untested: bool = False

    @property
    def is_text_only(self) -> bool:
        """mutmut writes a text as XXtextXX, in lower and in upper case."""
        return _plain(self.before) == _plain(self.after)

    @property
    def is_equivalent(self) -> bool:
        found = (self.module, self.before, self.after)
        return any(found == (same.module, same.before, same.after) for same in EQUIVALENT)


def mutants_of(module: str, original: str, mutated: str, exit_codes: dict[str, int | None]) -> Iterator[Mutant]:
    """`mutated`: mutmut's file, which holds the functions' originals and all mutants beside each other."""
    functions = dict(_functions(mutated))
    starts = {name: node.lineno for name, node in _definitions(original)}
    for key, code in exit_codes.items():
        name = key.removeprefix(module.removesuffix(".py").replace("/", ".") + ".")
        family = name.partition(WORD)[0]
        at, before, after = _difference(functions[f"{family}{WORD}orig"], functions[name])
        line = starts.get(_name_in_source(family), 0) + at
        if code in UNKNOWN:
            raise RuntimeError(f"{key} was not run (mutmut says {code})")
        yield Mutant(module, line, before, after, code not in (SURVIVED, NO_TESTS), code == NO_TESTS)


def _plain(line: str) -> str:
    return line.replace("XX", "").casefold()


def _functions(source: str) -> Iterator[tuple[str, list[str]]]:
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and WORD in node.name:
            yield node.name, lines[node.lineno - 1 : node.end_lineno]


def _definitions(source: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.parse(source).body:
        within = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for inner in within:
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                yield prefix + inner.name, inner


def _name_in_source(family: str) -> str:
    """x_name of a function, xǁClassǁname of a method."""
    return ".".join(family[1:].strip("ǁ").split("ǁ")) if family.startswith("xǁ") else family[2:]


def _difference(original: list[str], mutant: list[str]) -> tuple[int, str, str]:
    """Which line, counted from the function's first, and what became of it. One of several lines reads as one."""
    head, tail = 1, 0  # the first line, which names it, always differs in that: its arguments are compared apart
    if _arguments(original[0]) != _arguments(mutant[0]):
        return 0, _arguments(original[0]), _arguments(mutant[0])
    shorter = min(len(original), len(mutant))
    while head < shorter and original[head] == mutant[head]:
        head += 1
    while tail < shorter - head and original[-1 - tail] == mutant[-1 - tail]:
        tail += 1
    changed = (lines[head : len(lines) - tail] for lines in (original, mutant))
    before, after = (" ".join(line.strip() for line in lines) for lines in changed)
    return head, before, after


def _arguments(line: str) -> str:
    return "(" + line.partition("(")[2].strip()


def run_mutmut(modules: list[str], folder: Path) -> None:
    """Raises CalledProcessError where the tests do not pass without any mutant."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    settings = {
        "source_paths": ["llmanager"],
        "only_mutate": modules,
        "pytest_add_cli_args_test_selection": unit_tests_of(ROOT, modules),
        "also_copy": [name for name in COPIED if name not in ("llmanager", "tests") and (ROOT / name).is_dir()],
        "use_git_change_detection": False,
        "timeout_multiplier": 10.0,
    }
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text() + f"\n[tool.mutmut]\n{lines}")
    # Without PYTHONPATH, which names the tree that has no mutants.
    command = [
        "env",
        "-u",
        "PYTHONPATH",
        sys.executable,
        "-m",
        "mutmut",
        "run",
        "--max-children",
        str(os.cpu_count() or 1),
    ]
    log = folder / "log.txt"
    with log.open("wb") as output:
        done = subprocess.run(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        print(log.read_text(errors="replace")[-4000:], file=sys.stderr)
        done.check_returncode()


def tried(modules: list[str], folder: Path) -> Iterator[Mutant]:
    run_mutmut(modules, folder)
    for module in modules:
        mutated = folder / "mutants" / module
        meta = mutated.with_name(mutated.name + ".meta")
        if meta.exists():
            codes = json.loads(meta.read_text())["exit_code_by_key"]
            yield from mutants_of(module, (ROOT / module).read_text(), mutated.read_text(), codes)


def main(asked: list[str]) -> int:
    try:
        modules = chosen(ROOT, asked)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = [m for m in tried(modules, Path(folder)) if not m.is_text_only and not m.is_equivalent]
        except subprocess.CalledProcessError as error:
            print(f"mutate: {error}", file=sys.stderr)
            return 1
    survivors = [mutant for mutant in found if not mutant.is_killed]
    for mutant in survivors:
        print(f"{mutant.module}:{mutant.line}: {'(no test) ' if mutant.is_untested else ''}{mutant.before}")
        print(f"    survived as: {mutant.after}")
    print(f"\n{'module':<48} {'mutants':>8} {'killed':>8} {'survived':>8}")
    for module in [*modules, ""]:
        ours = [mutant for mutant in found if not module or mutant.module == module]
        killed = sum(mutant.is_killed for mutant in ours)
        print(
            f"{module or 'all':<48} {len(ours):>8} {killed:>8} {len(ours) - killed:>8}  {percent(killed, ours):6.1f} %"
        )
    killed_percent = percent(len(found) - len(survivors), found)
    is_enough = killed_percent >= LEAST_KILLED_PERCENT
    print(
        f"mutate: {killed_percent:.1f} % killed, goal {LEAST_KILLED_PERCENT} %: {'reached' if is_enough else 'missed'}"
    )
    return 0 if is_enough else 1


def percent(killed: int, mutants: list[Mutant]) -> float:
    return 100 * killed / len(mutants) if mutants else 100.0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
