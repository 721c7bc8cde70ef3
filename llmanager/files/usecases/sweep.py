from llmanager.files import rows
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
    return removed
