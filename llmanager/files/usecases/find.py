"""What a source of documents names: one file, or a folder of them."""

from collections.abc import Iterator

from llmanager.files.entities import File, FileState
from llmanager.files.errors import FileNotFound, SourceNotFound
from llmanager.files.usecases.files import Files
from llmanager.files.usecases.take_in import look, take_in

PAGE = 100


def named(files: Files, tenant: str, src: str) -> Iterator[File]:
    """Ready files by name, the newest of each name. `src` is a file id, a file name, `s3://bucket/key`, or a folder
    ("bucket/" or "bucket"). Raises SourceNotFound at once.
    """
    name = src.removeprefix("s3://")
    file = _by_id(files, tenant, src)
    if file is None or file.state is not FileState.READY:
        take_in(files, tenant)
        file = files.named(tenant, name)
    if file is not None:
        return iter((file,))
    folder = f"{name.removesuffix('/')}/"
    if not files.page(tenant, prefix=folder, limit=1).items:
        raise SourceNotFound(src)
    return _all(files, tenant, folder)


def _by_id(files: Files, tenant: str, src: str) -> File | None:
    try:
        return look(files, tenant, src)
    except FileNotFound:
        return None


def _all(files: Files, tenant: str, prefix: str) -> Iterator[File]:
    cursor: str | None = None
    while True:
        page = files.page(tenant, prefix=prefix, limit=PAGE, cursor=cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return
