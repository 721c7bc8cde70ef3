"""The files that there are: rows and blobs in, entities out."""

from collections.abc import Iterator
from dataclasses import dataclass

from llmanager.files import rows
from llmanager.files.entities import File, FileState, composed
from llmanager.files.errors import FileNotFound
from llmanager.files.ports import DirectUploads
from llmanager.kernel.blobs import Blobs
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import BlobNotFound
from llmanager.kernel.ids import NewId
from llmanager.kernel.pages import Page, from_cursor, to_cursor
from llmanager.kernel.table import Table

ATTEMPTS = 20


@dataclass(frozen=True)
class Files:
    """What every use case of files holds in its hands."""

    table: Table
    blobs: Blobs
    clock: Clock
    new_id: NewId
    max_file_bytes: int
    direct: DirectUploads | None = None  # None: uploads come to us

    def find(self, tenant: str, file_id: str) -> File | None:
        row = self.table.get(rows.file_partition(tenant), file_id)
        return None if row is None else rows.to_file(row)

    def require(self, tenant: str, file_id: str) -> File:
        """Raises FileNotFound, also for another tenant's file."""
        file = self.find(tenant, file_id)
        if file is None:
            raise FileNotFound
        return file

    def named(self, tenant: str, filename: str) -> File | None:
        """The newest ready file of that name; its version is that of the name, not of the file."""
        row = self.table.get(rows.name_partition(tenant), composed(filename))
        return None if row is None else rows.to_file(row)

    def page(self, tenant: str, *, prefix: str = "", limit: int, cursor: str | None = None) -> Page[File]:
        """Ready files by name, the newest of each. Raises InvalidInput for a cursor that no list gave out."""
        found = self.table.query(
            rows.name_partition(tenant), prefix=composed(prefix), after=from_cursor(cursor), limit=limit
        )
        return Page(tuple(map(rows.to_file, found.rows)), to_cursor(found.next_after))

    def read(self, file: File) -> Iterator[bytes]:
        """The bytes, a piece at a time. Raises FileNotFound, also where it is gone meanwhile, at once."""
        if file.state is not FileState.READY or file.blob is None:
            raise FileNotFound
        try:
            return self.blobs.read(file.blob)
        except BlobNotFound as gone:
            raise FileNotFound from gone
