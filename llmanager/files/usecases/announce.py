from datetime import timedelta

from llmanager.files import rows
from llmanager.files.entities import (
    ADDRESS_S,
    MAX_OPEN_UPLOADS,
    UPLOAD_S,
    Announced,
    File,
    FileState,
    checked_filename,
    hash_of,
    random_token,
)
from llmanager.files.errors import FileTooLarge, TooManyUploads
from llmanager.files.usecases.files import Files
from llmanager.kernel.ids import time_ordered_id
from llmanager.kernel.table import Put, rows_in


def announce(files: Files, *, tenant: str, filename: str, size_bytes: int, ttl_s: int | None = None) -> Announced:
    """A file that is to come: whoever has the token may upload it, for UPLOAD_S; or, where uploads go past us, whoever
    has the address may begin to, for ADDRESS_S. Nothing is seen of it by name yet.

    Raises InvalidInput (the name), FileTooLarge, TooManyUploads.
    """
    if size_bytes > files.max_file_bytes:
        raise FileTooLarge(size_bytes, files.max_file_bytes)
    now, token = files.clock.now(), random_token()
    until = now + timedelta(seconds=UPLOAD_S)
    file = File(
        tenant=tenant,
        id=time_ordered_id(now, files.new_id),
        filename=checked_filename(filename),
        size_bytes=size_bytes,
        state=FileState.ANNOUNCED,
        created_at=now,
        expires_at=until,
        ttl_s=ttl_s,
    )
    if _open_uploads(files, tenant) >= MAX_OPEN_UPLOADS:
        raise TooManyUploads
    made = (rows.file_row(file), rows.upload_row(file), rows.token_row(file, hash_of(token)))
    if files.direct is None:
        files.table.transact([Put(row, "absent") for row in made])
        return Announced(file, token, until)
    address = files.direct.address(rows.incoming_key(file), size_bytes, for_s=ADDRESS_S)
    files.table.transact([Put(row, "absent") for row in made[:2]])
    return Announced(file, "", now + timedelta(seconds=ADDRESS_S), address)


def _open_uploads(files: Files, tenant: str) -> int:
    return sum(1 for _ in rows_in(files.table, rows.upload_partition(tenant)))
