"""How bytes become a file: the intent first, then the bytes, then the row that makes them one.

Each upload has a blob of its own, which the row names before there is any. So no two ever write the same blob, a blob
that no row names is nobody's, and of two uploads to one address the one that began last counts.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from llmanager.files import rows
from llmanager.files.entities import REPLACED_KEEP_S, File, FileState
from llmanager.files.errors import AlreadyUploaded, UploadNotFound, UploadOvertaken
from llmanager.files.usecases.files import ATTEMPTS, Files
from llmanager.kernel.errors import Conflict, Final, Retryable, Throttled
from llmanager.kernel.table import Action, Delete, Put


def begin(files: Files, key: tuple[str, str]) -> File:
    """The row as it names the blob of this upload. Raises UploadNotFound, AlreadyUploaded."""
    for _ in range(ATTEMPTS):
        file = files.find(*key)
        if file is None:
            raise UploadNotFound
        if file.state is FileState.READY:
            raise AlreadyUploaded
        begun = replace(file, blob=rows.blob_key(file, files.new_id()))
        try:
            files.table.put(rows.file_row(begun), file.version)
        except Conflict:
            continue
        return begun
    raise Throttled("Too many upload to this address at once. Try again.")


def complete(files: Files, begun: File, sha256: str) -> File:
    """Now that its blob is written. Raises UploadNotFound (deleted meanwhile), UploadOvertaken: the blob goes then."""
    try:
        return _completed(files, begun, sha256)
    except Final:  # after another error the row may have been written all the same: then the blob is that file's
        if begun.blob is not None:
            with suppress(Retryable):
                files.blobs.delete(begun.blob)
        raise


def _completed(files: Files, begun: File, sha256: str) -> File:
    """Now there is a file, by id and by name."""
    for _ in range(ATTEMPTS):
        file = files.find(begun.tenant, begun.id)
        if file is None:
            raise UploadNotFound
        if file.blob != begun.blob:
            raise UploadOvertaken
        now = files.clock.now()
        ends_at = None if file.ttl_s is None else now + timedelta(seconds=file.ttl_s)
        ready = replace(file, state=FileState.READY, sha256=sha256, expires_at=ends_at, taken_in_until=None)
        try:
            files.table.transact(
                [
                    Put(rows.file_row(ready), file.version),
                    Delete(rows.upload_partition(file.tenant), file.id),
                    *_take_name(files, ready, now),
                ]
            )
        except Conflict:
            continue
        return ready
    raise Throttled("Too many files of this name come in at once. Try again.")


def _take_name(files: Files, ready: File, now: datetime) -> list[Action]:
    """Whoever has the name so far goes on by its id alone, for a while: a job may be reading it."""
    holder = files.named(ready.tenant, ready.filename)
    take: Action = Put(rows.name_row(ready), holder.version if holder else "absent")
    former = holder and files.find(holder.tenant, holder.id)
    if not former:
        return [take]
    until = now + timedelta(seconds=REPLACED_KEEP_S)
    kept = replace(former, expires_at=min(until, former.expires_at or until))
    return [take, Put(rows.file_row(kept), former.version)]
