"""The house rules that no linter here knows: sizes, names, and what may not be imported or read where.

`python -m tools.budgets` prints one line a breach and exits 1 if there is any.
tests/unit/test_architecture.py plants each.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_FILE_LINES = 300
MAX_FUNCTION_STATEMENTS = 40
BANNED_NAMES = frozenset({"utils", "util", "common", "helpers", "helper", "manager", "misc"})
SETTINGS = "llmanager/wiring/settings.py"
SKIPPED = frozenset(
    {".git", ".venv", ".venv-ministack", ".cache", "node_modules", "build", "cdk.out", "dist", "__pycache__"}
)
MACHINE_PATH = re.compile(r"(?<![\w.~}>)-])/(?:root|home|work|Users|private)/\w")
TEXT = frozenset({".py", ".md", ".toml", ".txt", ".in", ".sh", ".yml", ".yaml", ".json", ".template", ".svg", ""})


def tree(root: Path) -> Iterator[Path]:
    """Every text file of the project, relative to its root. Hidden caches and installed packages are not ours."""
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        parts = relative.parts
        is_cache = any(
            p in SKIPPED or p.startswith(".venv-") or p.endswith("_cache") or p == ".hypothesis" for p in parts
        )
        if path.is_file() and path.suffix in TEXT and not is_cache and not is_private(relative):
            yield relative


def is_private(path: Path) -> bool:
    """Files that git ignores because they hold one machine's settings or state."""
    return path.name in {".env", ".venv.lock", ".coverage", ".git"}


def file_problems(path: Path, source: str) -> Iterator[str]:
    for part in (*path.parts[:-1], path.stem):
        if part.lower() in BANNED_NAMES:
            yield f"{path}: nothing is named {part!r}; name it for what it does"
    if match := MACHINE_PATH.search(source):
        yield f"{path}: names a folder of one machine ({match.group()}…)"
    if path.suffix == ".py":
        if (lines := source.count("\n")) > MAX_FILE_LINES:
            yield f"{path}: {lines} lines; at most {MAX_FILE_LINES}"
        for node in ast.walk(ast.parse(source)):
            yield from node_problems(path, node)


def node_problems(path: Path, node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() if (size := statements(node)) > MAX_FUNCTION_STATEMENTS:
            yield f"{path}:{node.lineno}: {node.name} has {size} statements; at most {MAX_FUNCTION_STATEMENTS}"
        case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb" | "getenv" | "putenv"):
            yield from environment_problem(path, node.lineno)
        case ast.ImportFrom(module="os", names=names) if {n.name for n in names} & {"environ", "environb", "getenv"}:
            yield from environment_problem(path, node.lineno)
        case ast.Import(names=names) if any(n.name.startswith(("unittest.mock", "mock")) for n in names):
            yield f"{path}:{node.lineno}: no mocks; write a fake in tests/fakes"
        case ast.ImportFrom(module=module, names=names) if is_mock(module, {n.name for n in names}):
            yield f"{path}:{node.lineno}: no mocks; write a fake in tests/fakes"


def statements(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Statements in the body at every depth, the docstring left out."""
    found = sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1
    return found - (ast.get_docstring(function) is not None)


def environment_problem(path: Path, line: int) -> Iterator[str]:
    if path.parts[0] == "llmanager" and path.as_posix() != SETTINGS:
        yield f"{path}:{line}: the environment is read in {SETTINGS} only"


def is_mock(module: str | None, names: set[str]) -> bool:
    return (module or "").startswith(("unittest.mock", "mock")) or (module == "unittest" and "mock" in names)


def problems(root: Path) -> list[str]:
    return [
        problem for path in tree(root) for problem in file_problems(path, (root / path).read_text(encoding="utf-8"))
    ]


def main() -> int:
    found = problems(Path(__file__).resolve().parent.parent)
    print("\n".join(found) or "budgets: kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
