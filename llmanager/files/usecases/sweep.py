from llmanager.files import rows
from llmanager.files.entities import FileState
from llmanager.files.usecases.files import Files


def sweep_files(files: Files) -> int:
    """Remove the bytes of files that are no more, and of uploads that were cut off; how many blobs. Run it seldom.

    A row names its blob before there is one, and rows are read here after blobs: what no row names then is nobody's.
    """
    removed = 0
    for blob in files.blobs.list(rows.BLOBS):
        file = files.find(*rows.owner_of(blob.key))
        if file is None or file.blob != blob.key:
            files.blobs.delete(blob.key)
            removed += 1
    return removed + (_sweep_incoming(files) if files.direct is not None else 0)


def _sweep_incoming(files: Files) -> int:
    """What no file waits for any more: sent again after it was taken in, or too late."""
    removed = 0
    for blob in files.blobs.list(rows.INCOMING):
        file = files.find(*rows.owner_of_incoming(blob.key))
        if file is None or file.state is FileState.READY:
            files.blobs.delete(blob.key)
            removed += 1
    return removed
