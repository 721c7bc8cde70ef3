"""What a model's name means: a catalog alias, a repository of the hub, or a file in the models folder."""

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from llmanager.adapters.local.hub_files import MAX_NAME, NAME
from llmanager.kernel.errors import InvalidInput
from llmanager.models.catalog import ENTRIES, find
from llmanager.models.entities import Kind

REPO: Final = re.compile(r"(?!.*(?:--|\.\.))[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
SHOWN_CHARACTERS: Final = 100


@dataclass(frozen=True)
class Builtin:
    name: str  # "demo-tiny", "minilm"


@dataclass(frozen=True)
class HubFile:
    repo: str
    file: str | None  # None: by the rule of hub_files.py


@dataclass(frozen=True)
class LocalFile:
    path: Path  # resolved: no link is left in it


Source = Builtin | HubFile | LocalFile


def source_of(model: str, kind: Kind, models_dir: Path) -> Source:
    """Raises InvalidInput that says what is possible."""
    entry = find(model)
    if entry is not None:
        if entry.kind is not kind:
            raise wrong_kind(entry.kind)
        scheme, _, rest = entry.source.partition(":")
        return Builtin(rest) if scheme == "builtin" else _hub_file(rest)
    if ":" not in model and model.lower().endswith(".gguf"):
        return LocalFile(_inside(model, models_dir))
    return _hub_file(model)


def wrong_kind(is_of: Kind) -> InvalidInput:
    return InvalidInput(f"This is a model for {is_of.value}. Ask for kind {is_of.value!r}.", param="kind")


def _hub_file(model: str) -> HubFile:
    repo, colon, file = model.partition(":")
    if not REPO.fullmatch(repo) or (colon and not (len(file) <= MAX_NAME and NAME.fullmatch(file))):
        raise _unknown(model)
    return HubFile(repo, file or None)


def _inside(model: str, models_dir: Path) -> Path:
    """Absent, outside and not a file are told alike, so that nobody can feel their way through the disk."""
    try:
        root = models_dir.resolve(strict=True)
        path = (root / model).resolve(strict=True)
        is_file = path.is_relative_to(root) and stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError, RuntimeError):  # absent, too long; a NUL; links in a circle
        is_file = False
    if not is_file or path.suffix.lower() != ".gguf":
        raise InvalidInput(
            f"There is no file {model[:SHOWN_CHARACTERS]!r} in the models folder. Put it there and give its name.",
            param="model",
        )
    return path


def _unknown(model: str) -> InvalidInput:
    aliases = ", ".join(entry.alias for entry in ENTRIES)
    return InvalidInput(
        f"There is no model {model[:SHOWN_CHARACTERS]!r} to be had. Give a name from the catalog ({aliases}), a "
        "repository of the hub (owner/name or owner/name:file.gguf), or the name of a .gguf file in the models folder.",
        param="model",
    )
