from contextlib import suppress

from llmanager.files import rows
from llmanager.files.entities import FileState
from llmanager.files.usecases.files import ATTEMPTS, Files
from llmanager.kernel.errors import Conflict, Retryable, Throttled
from llmanager.kernel.table import Action, Delete


def delete_file(files: Files, *, tenant: str, file_id: str) -> None:
    """Also one that was only announced. It reads as absent from the first write on; its bytes go next.

    Raises FileNotFound. Bytes that cannot be removed now are removed by `sweep_files`.
    """
    for _ in range(ATTEMPTS):
        file = files.require(tenant, file_id)
        actions: list[Action] = [
            Delete(rows.file_partition(tenant), file.id, file.version),
            Delete(rows.upload_partition(tenant), file.id),
        ]
        holder = files.named(tenant, file.filename)
        if holder is not None and holder.id == file.id:
            actions.append(Delete(rows.name_partition(tenant), file.filename, holder.version))
        try:
            files.table.transact(actions)
        except Conflict:
            continue
        with suppress(Retryable):
            if file.blob is not None:
                files.blobs.delete(file.blob)
            if files.direct is not None and file.state is not FileState.READY:
                files.blobs.delete(rows.incoming_key(file))
        return
    raise Throttled("Too many change this file at once. Try again.")
