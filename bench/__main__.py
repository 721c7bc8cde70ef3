"""`./run.sh bench`: all of them; `./run.sh bench local`: what is promised of the local platform; or one by its name.

What begins with a dash, and what follows it, is the one benchmark's own: `./run.sh bench cycles --cycles 100`.
"""

import importlib
import itertools
import pkgutil
import sys

import bench

SETS = {
    "local": ["server", "history", "group_commit"],
    "vectors": ["vector_store", "ingest", "ingest_pipeline", "restores", "vdb_kills"],
}


def names() -> list[str]:
    return sorted(m.name for m in pkgutil.iter_modules(bench.__path__) if not m.name.startswith("_"))


def main(argv: list[str]) -> int:
    known = names()
    asked_for = list(itertools.takewhile(lambda argument: not argument.startswith("-"), argv))
    options = argv[len(asked_for) :]
    chosen = [name for asked in asked_for or known for name in SETS.get(asked, [asked])]
    if unknown := [name for name in chosen if name not in known]:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join([*known, *SETS])}", file=sys.stderr)
        return 2
    if options and len(chosen) != 1:
        print(f"{options[0]} is an option of one benchmark: name it", file=sys.stderr)
        return 2
    for name in chosen:
        print(f"\n{name}")
        for what, value, goal in importlib.import_module(f"bench.{name}").run(*options):
            shown = f"{value:,.3g}" if isinstance(value, float) else str(value)
            print(f"  {what:<58} {shown:>12}  {goal}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
