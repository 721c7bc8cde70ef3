"""Which modules decide over the life of what costs money, which tests are theirs, and which mutants of them are none.

The one list behind `./run.sh coverage` and `./run.sh mutate`.
"""

from dataclasses import dataclass
from pathlib import Path

PATTERNS = (
    *(f"llmanager/models/{name}.py" for name in (
        "reconcile", "limits", "roster", "sight", "actions",
        "admission", "schedule", "scaling", "ledger", "caps", "alarms",
    )),
    "llmanager/models/usecases/*.py",
    "llmanager/vdb/lifecycle.py",
    *(f"llmanager/vdb/usecases/{name}.py" for name in ("sweep", "hibernate", "delete", "restore", "settle")),
    *(f"llmanager/kernel/{name}.py" for name in ("orphans", "deadline")),
)  # fmt: skip
LEAST_COVERED_PERCENT = 95
LEAST_KILLED_PERCENT = 85


@dataclass(frozen=True)
class Equivalent:
    """A mutant that behaves as the original does. The lines are given without indentation."""

    module: str
    before: str
    after: str
    why: str


EQUIVALENT: tuple[Equivalent, ...] = (
    Equivalent(
        "llmanager/models/reconcile.py",
        "least = max(model.spec.scaling.awake, window.min if window else 0)",
        "least = max(model.spec.scaling.awake, window.min if window else 1)",
        "as many as are awake are one at least",
    ),
    Equivalent(
        "llmanager/models/reconcile.py",
        "backoff_s = min(longest_s, 0.5 * 2.0 ** min(failures, 12)) if failures > 1 else 0.0",
        "backoff_s = min(longest_s, 0.5 * 2.0 ** min(failures, 13)) if failures > 1 else 0.0",
        "the longest wait is reached long before",
    ),
    Equivalent(
        "llmanager/models/limits.py",
        "window = timedelta(seconds=max(model.spec.sleep_after_s or 0, GPU_WINDOW_S))",
        "window = timedelta(seconds=max(model.spec.sleep_after_s or 1, GPU_WINDOW_S))",
        "both are less than the shortest window",
    ),
    Equivalent(
        "llmanager/models/roster.py",
        "return tuple(sorted([*failed, *islice(free, max(0, missing))][: max(0, missing)]))",
        "return tuple(sorted([*failed, *islice(free, max(1, missing))][: max(0, missing)]))",
        "no more than are missing are taken of them",
    ),
    Equivalent(
        "llmanager/models/usecases/watch.py",
        "for _, error in failed[:1]:",
        "for _, error in failed[:2]:",
        "the first is raised",
    ),
    Equivalent(
        "llmanager/models/usecases/make_room.py",
        "need_mib = host.quote(for_model.spec).memory_mib // for_model.spec.scaling.awake",
        "need_mib = host.quote(for_model.spec).memory_mib / for_model.spec.scaling.awake",
        "a quote is of all awake replicas, each the same, so nothing is left over",
    ),
)


def lifecycle_modules(root: Path) -> list[str]:
    """Those that there are, relative to `root`."""
    found = [path for pattern in PATTERNS for path in sorted(root.glob(pattern))]
    return [path.relative_to(root).as_posix() for path in found if path.name != "__init__.py"]


def unit_tests_of(root: Path, modules: list[str]) -> list[str]:
    """The unit tests of the modules' capabilities: tests/unit mirrors the package."""
    capabilities = dict.fromkeys(module.split("/")[1] for module in modules)
    return [f"tests/unit/{name}" for name in capabilities if any((root / "tests/unit" / name).rglob("test_*.py"))]


def chosen(root: Path, asked: list[str]) -> list[str]:
    """Of the lifecycle modules those that `asked` names, by a part of the path each. Raises ValueError for none."""
    modules = lifecycle_modules(root)
    for part in asked:
        if not any(part in module for module in modules):
            raise ValueError(f"no lifecycle module is named {part!r}; there are: {', '.join(modules)}")
    return [module for module in modules if not asked or any(part in module for part in asked)]
