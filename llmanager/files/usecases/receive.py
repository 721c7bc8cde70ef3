"""An upload: the intent first, then the bytes, then the row that makes them a file.

Each upload has a blob of its own, which the row names before there is any. So no two ever write the same blob, a blob
that no row names is nobody's, and of two uploads to one address the one that began last counts.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from llmanager.files import rows
from llmanager.files.entities import REPLACED_KEEP_S, TOKEN, File, FileState, hash_of
from llmanager.files.errors import (
    AlreadyUploaded,
    UploadNotFound,
    UploadOvertaken,
    UploadTooLong,
    UploadTooShort,
)
from llmanager.files.usecases.files import ATTEMPTS, Files
from llmanager.kernel.errors import Conflict, Final, LLManagerError, Retryable, Throttled
from llmanager.kernel.table import Action, Delete, Put


def receive(files: Files, *, file_id: str, token: str, pieces: Iterable[bytes], told_bytes: int | None = None) -> File:
    """The file, once all of its bytes are kept. Whatever is raised, also by `pieces`: nothing of them is.

    `told_bytes`: how long the body says it is, if it does; a wrong length is refused before it is read.
    Raises UploadNotFound (no such upload, wrong token, too late), AlreadyUploaded, UploadOvertaken, UploadTooLong,
    UploadTooShort.
    """
    file = _begin(files, _asked_for(files, file_id, token))
    if told_bytes is not None and told_bytes != file.size_bytes:
        raise _wrong_size(told_bytes, file)
    assert file.blob is not None  # as it was begun
    digest = hashlib.sha256()
    files.blobs.put(file.blob, _checked(pieces, file, digest.update, files.clock.now))
    try:
        return _complete(files, file, digest.hexdigest())
    except Final:  # after another error the row may have been written all the same: then the blob is that file's
        with suppress(Retryable):
            files.blobs.delete(file.blob)
        raise


def _asked_for(files: Files, file_id: str, token: str) -> tuple[str, str]:
    """Tenant and id of the file that the token is for. Raises UploadNotFound."""
    pointer = files.table.get(rows.TOKENS, hash_of(token)) if TOKEN.fullmatch(token) else None
    if pointer is None or pointer.body["id"] != file_id:
        raise UploadNotFound
    return pointer.body["tenant"], pointer.body["id"]


def _begin(files: Files, key: tuple[str, str]) -> File:
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


def _checked(
    pieces: Iterable[bytes], file: File, note: Callable[[bytes], None], now: Callable[[], datetime]
) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > file.size_bytes:
            raise UploadTooLong(file.size_bytes)
        if file.expires_at is not None and now() >= file.expires_at:
            raise UploadNotFound
        note(piece)
        yield piece
    if size < file.size_bytes:
        raise UploadTooShort(size, file.size_bytes)


def _complete(files: Files, begun: File, sha256: str) -> File:
    """Now there is a file, by id and by name. Raises UploadNotFound (deleted meanwhile), UploadOvertaken."""
    for _ in range(ATTEMPTS):
        file = files.find(begun.tenant, begun.id)
        if file is None:
            raise UploadNotFound
        if file.blob != begun.blob:
            raise UploadOvertaken
        now = files.clock.now()
        ends_at = None if file.ttl_s is None else now + timedelta(seconds=file.ttl_s)
        ready = replace(file, state=FileState.READY, sha256=sha256, expires_at=ends_at)
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


def _wrong_size(size_bytes: int, file: File) -> LLManagerError:
    too_long = size_bytes > file.size_bytes
    return UploadTooLong(file.size_bytes) if too_long else UploadTooShort(size_bytes, file.size_bytes)
