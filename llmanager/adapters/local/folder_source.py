"""Documents below one folder of this machine, which the operator chose."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from llmanager.kernel.errors import InvalidInput, NotFound
from llmanager.vdb.entities import ENDINGS, MAX_DOCUMENTS, Document

SCHEME: Final = "folder:"
PIECE_BYTES: Final = 1024 * 1024
MAX_SEEN: Final = 20 * MAX_DOCUMENTS  # entries of folders, others than documents too
SHOWN_CHARACTERS: Final = 100


class FolderSource:
    """`folder:PATH` names a document, or all documents in and below a folder; `folder:` all there are.

    Hidden entries, links and files of other formats are left out. A document's name is its path below the root.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def list(self, tenant: str, src: str) -> Iterator[Document]:
        root, path = self._resolved(src.removeprefix(SCHEME), src)
        files = [path] if path.is_file() else _files(path, src)
        names = sorted(file.relative_to(root).as_posix() for file in files)
        if not names:
            raise NotFound(f"There is no document at {src[:SHOWN_CHARACTERS]!r}. Put some there, of a known format.")
        return (Document(name, (root / name).stat().st_size, address=name) for name in names)

    def read(self, tenant: str, document: Document) -> Iterator[bytes]:
        _, path = self._resolved(document.address, document.name)
        return _pieces(path)

    def _resolved(self, name: str, shown: str) -> tuple[Path, Path]:
        """Absent and outside are told alike, so that nobody can feel their way through the disk."""
        try:
            root = self._root.resolve(strict=True)
            path = (root / name).resolve(strict=True)
            parts = path.relative_to(root).parts
            is_document = path.is_dir() or stat.S_ISREG(path.stat().st_mode)
        except (OSError, ValueError, RuntimeError):  # absent, too long; outside, a NUL; links in a circle
            parts, is_document = (), False
        if not is_document or any(part.startswith(".") for part in parts):
            raise NotFound(f"There is no {shown[:SHOWN_CHARACTERS]!r} in the documents folder. Put it there.")
        return root, path


def _files(folder: Path, src: str) -> Iterator[Path]:
    """Raises InvalidInput where there are too many entries to look at."""
    seen = 0
    for at, folders, names in os.walk(folder):
        seen += len(folders) + len(names)
        if seen > MAX_SEEN:
            raise InvalidInput(
                f"{src[:SHOWN_CHARACTERS]!r} holds more than {MAX_SEEN} entries. Name less.", param="src"
            )
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (path for name in names if _is_document(path := Path(at, name)))


def _is_document(path: Path) -> bool:
    if path.name.startswith(".") or path.suffix.lower() not in ENDINGS or not str(path).isprintable():
        return False
    return stat.S_ISREG(path.lstat().st_mode)


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece
    except FileNotFoundError as error:
        raise NotFound("The document is gone from the documents folder.") from error
    except PermissionError as error:
        raise NotFound("The document may not be read by the server. Correct its permissions.") from error
