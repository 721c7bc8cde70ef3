"""Where a LanceDBVectorStore keeps its indexes.

    ROOT/INDEX/shape.json          what the index was made for
    ROOT/INDEX/GENERATION.lance    its table
    ROOT/.new-GENERATION.INDEX     being made; renamed into place once it is whole, so no half-made index is ever seen
    ROOT/.old-GENERATION.INDEX     being dropped; renamed out of sight before its bytes go

A generation is a new random name for each creation: whatever a process remembers of an index that was dropped, it
cannot be taken for the one that was made under the same name afterwards.
"""

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from llmanager.adapters.local.full_disk import FULL, disk_is_full
from llmanager.vdb.entities import Metric, Shape
from llmanager.vdb.errors import IndexDamaged

TABLE_SUFFIX = ".lance"
SHAPE_FILE = "shape.json"

_INDEX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.=%-]{0,199}")
_PASSING = re.compile(r"\.(?:new|old)-[0-9a-f]+\.(.+)")  # being made or dropped


@dataclass(frozen=True)
class Place:
    """One creation of an index."""

    folder: Path
    generation: str  # the table's name

    def shape(self) -> Shape:
        """Raises IndexDamaged."""
        try:
            told = json.loads((self.folder / SHAPE_FILE).read_bytes())
            return Shape(told["dim"], Metric(told["metric"]), told["has_text"])
        except (ValueError, KeyError, TypeError) as error:
            raise IndexDamaged from error

    def size_bytes(self) -> int:
        return sum(_size_bytes(Path(folder, name)) for folder, _, names in os.walk(self.folder) for name in names)

    def old_versions(self, older_than: float) -> int:
        """Versions of the table, the newest one apart, that were written before this time (seconds since 1970)."""
        written = sorted(_written_at(self.folder / f"{self.generation}{TABLE_SUFFIX}" / "_versions"))
        return sum(at < older_than for at in written[:-1])


class IndexFolders:
    def __init__(self, root: Path) -> None:
        self._root = root

    def find(self, index: str) -> Place | None:
        folder = self._folder(index)
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(folder):
                if name.endswith(TABLE_SUFFIX):
                    return Place(folder, name.removesuffix(TABLE_SUFFIX))
        return None

    def make(self, index: str, shape: Shape, build: Callable[[Place], None]) -> Place:
        """`build` makes the table. If somebody else makes the same index meanwhile, the first one stays."""
        folder, generation = self._folder(index), secrets.token_hex(8)
        making = Place(self._root / f".new-{generation}.{index}", generation)
        try:
            with full_disk_said():
                making.folder.mkdir(mode=0o700, parents=True)
                (making.folder / SHAPE_FILE).write_text(json.dumps(asdict(shape)))
                build(making)
                with _unless_there():
                    making.folder.rename(folder)
        finally:
            shutil.rmtree(making.folder, ignore_errors=True)
        return self.find(index) or Place(folder, generation)

    def remove(self, index: str) -> None:
        with contextlib.suppress(FileNotFoundError), full_disk_said():
            self._folder(index).rename(self._root / f".old-{secrets.token_hex(8)}.{index}")
        for name in self._names():
            if (passing := _PASSING.fullmatch(name)) and passing[1] == index:
                shutil.rmtree(self._root / name, ignore_errors=True)

    def indexes(self) -> tuple[str, ...]:
        """Also those being made or dropped, and what is left of them where that was cut short."""
        found = {passing[1] if (passing := _PASSING.fullmatch(name)) else name for name in self._names()}
        return tuple(sorted(found))

    def _folder(self, index: str) -> Path:
        if not _INDEX.fullmatch(index):
            raise ValueError(f"not an index's name: {index!r}")
        return self._root / index

    def _names(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError), os.scandir(self._root) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
        return []


@contextlib.contextmanager
def full_disk_said() -> Iterator[None]:
    """Raises OutOfSpace for an OSError that says so."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise disk_is_full() from error


@contextlib.contextmanager
def _unless_there() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _size_bytes(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):  # tidied away meanwhile
        return path.stat().st_size
    return 0


def _written_at(folder: Path) -> list[float]:
    found: list[float] = []
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        found.extend(entry.stat().st_mtime for entry in entries)
    return found
