"""An upload that comes to us."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from llmanager.files import rows
from llmanager.files.entities import TOKEN, File, hash_of
from llmanager.files.errors import UploadNotFound, UploadTooLong, UploadTooShort
from llmanager.files.usecases.files import Files
from llmanager.files.usecases.upload import begin, complete
from llmanager.kernel.errors import LLManagerError


def receive(files: Files, *, file_id: str, token: str, pieces: Iterable[bytes], told_bytes: int | None = None) -> File:
    """The file, once all of its bytes are kept. Whatever is raised, also by `pieces`: nothing of them is.

    `told_bytes`: how long the body says it is, if it does; a wrong length is refused before it is read.
    Raises UploadNotFound (no such upload, wrong token, too late), AlreadyUploaded, UploadOvertaken, UploadTooLong,
    UploadTooShort.
    """
    file = begin(files, _asked_for(files, file_id, token))
    if told_bytes is not None and told_bytes != file.size_bytes:
        raise _wrong_size(told_bytes, file)
    assert file.blob is not None  # as it was begun
    digest = hashlib.sha256()
    files.blobs.put(file.blob, _checked(pieces, file, digest.update, files.clock.now))
    return complete(files, file, digest.hexdigest())


def _asked_for(files: Files, file_id: str, token: str) -> tuple[str, str]:
    """Tenant and id of the file that the token is for. Raises UploadNotFound."""
    pointer = files.table.get(rows.TOKENS, hash_of(token)) if TOKEN.fullmatch(token) else None
    if pointer is None or pointer.body["id"] != file_id:
        raise UploadNotFound
    return pointer.body["tenant"], pointer.body["id"]


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


def _wrong_size(size_bytes: int, file: File) -> LLManagerError:
    too_long = size_bytes > file.size_bytes
    return UploadTooLong(file.size_bytes) if too_long else UploadTooShort(size_bytes, file.size_bytes)
