"""Uploads that went past us. Nobody tells that one is over: who looks at a file finds out, and makes it one.

Its size is the one announced, for the address takes no other. Its SHA-256 is the copy's, as the blob store tells it.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Final

from llmanager.files import rows
from llmanager.files.entities import TAKE_IN_S, File, FileState
from llmanager.files.errors import FileNotFound, UploadNotFound
from llmanager.files.ports import DirectUploads
from llmanager.files.usecases.files import Files
from llmanager.files.usecases.upload import complete
from llmanager.kernel.errors import BlobNotFound, Conflict, Retryable

LOOKED_AT: Final = 25  # uploads that are not over, the newest, at each look at all files
LOOKING_S: Final = 5.0  # at each such look; what is left is for the next one


def look(files: Files, tenant: str, file_id: str) -> File:
    """The file as it is now: ready if all of it has come in. Raises FileNotFound."""
    file = files.require(tenant, file_id)
    if files.direct is None or file.state is FileState.READY:
        return file
    if file.taken_in_until is not None and file.taken_in_until > files.clock.now():
        return file  # by another one who looked: who polls does not overtake himself
    arrived = files.blobs.find(rows.incoming_key(file))
    if arrived is None or arrived.size_bytes != file.size_bytes:
        return file
    try:
        return _taken_in(files, files.direct, file)
    except (BlobNotFound, Conflict):  # somebody else was quicker
        return files.require(tenant, file_id)
    except UploadNotFound:
        raise FileNotFound from None


def take_in(files: Files, tenant: str) -> None:
    """Before all files are looked at, by name: of the uploads that went past us, those that are over become files."""
    if files.direct is None:
        return
    ends_at_s = files.clock.monotonic_s() + LOOKING_S
    newest = files.table.query(rows.upload_partition(tenant), newest_first=True, limit=LOOKED_AT).rows
    for row in reversed(newest):  # in the order of their announcement: of one name the last is to stay
        if files.clock.monotonic_s() >= ends_at_s:
            return
        with suppress(FileNotFound, Retryable):
            look(files, tenant, row.sort)


def _taken_in(files: Files, direct: DirectUploads, file: File) -> File:
    """Raises Conflict where another one does so, BlobNotFound, UploadNotFound (deleted meanwhile)."""
    until = files.clock.now() + timedelta(seconds=TAKE_IN_S)
    blob = rows.blob_key(file, files.new_id())
    begun = rows.to_file(files.table.put(rows.file_row(replace(file, blob=blob, taken_in_until=until)), file.version))
    try:
        sha256 = direct.keep(rows.incoming_key(file), blob)
    except (BlobNotFound, Retryable):
        with suppress(Conflict, Retryable):
            files.table.put(rows.file_row(replace(begun, taken_in_until=None)), begun.version)
        raise
    ready = complete(files, begun, sha256)
    with suppress(Retryable):  # it is swept otherwise
        files.blobs.delete(rows.incoming_key(file))
    return ready
