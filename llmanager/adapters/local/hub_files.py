"""Which file of a hub repository is meant. Pure."""

import re
from collections.abc import Sequence

from llmanager.adapters.local.job_child import JobFailed

MAX_LISTED = 12

# A name becomes a path on our disk: parts that begin with a letter, digit or underscore, and nothing that steers.
NAME = re.compile(r"(?:\w[\w.+-]*/){0,4}\w[\w.+-]*\.gguf", re.IGNORECASE | re.ASCII)
MAX_NAME = 200

_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)
_PREFERRED = (re.compile(r"q4_k_m", re.IGNORECASE), re.compile(r"q8_0", re.IGNORECASE))


def choose(repo: str, names: Sequence[str], wanted: str | None) -> str:
    """The file `wanted`, or by rule: Q4_K_M, else Q8_0, else the only one; of several the shortest name, then a to z.

    Projectors (mmproj), importance matrices and models in several parts do not count. Raises JobFailed (final) that
    lists what there is.
    """
    models = [name for name in names if len(name) <= MAX_NAME and NAME.fullmatch(name)]
    if wanted is None:
        return _by_rule(repo, models)
    if wanted not in models:
        raise JobFailed(f"The hub's {repo!r} has no file {wanted!r}. {_listing(models)}", is_final=True)
    if _PART.search(wanted):
        raise JobFailed(
            f"{wanted!r} is one part of a model in several files. {_listing(_whole(models))}", is_final=True
        )
    return wanted


def _by_rule(repo: str, models: Sequence[str]) -> str:
    whole = sorted(_whole(models), key=lambda name: (len(name), name))
    for pattern in _PREFERRED:
        for name in whole:
            if pattern.search(name):
                return name
    if len(whole) != 1:
        raise JobFailed(f"The hub's {repo!r} has no single GGUF file to choose. {_listing(whole)}", is_final=True)
    return whole[0]


def _whole(models: Sequence[str]) -> list[str]:
    return [
        name
        for name in models
        if not _PART.search(name) and not name.rsplit("/", 1)[-1].lower().startswith(("mmproj", "imatrix"))
    ]


def _listing(names: Sequence[str]) -> str:
    if not names:
        return "It has no GGUF model in one file: choose another repository, often one whose name ends in -GGUF."
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return f"Name one as owner/name:file. There are: {', '.join(sorted(names)[:MAX_LISTED])}{more}."
