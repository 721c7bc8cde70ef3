"""What can go wrong with files."""

from llmanager.files.entities import MAX_OPEN_UPLOADS, MAX_UPLOADS_AT_ONCE
from llmanager.kernel.errors import Conflict, Final, NotFound, Throttled, TooLarge


class FileNotFound(NotFound):
    code = "file_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such file. List yours with POST /files/list.")


class SourceNotFound(NotFound):
    code = "source_not_found"

    def __init__(self, src: str) -> None:
        super().__init__(
            f"There is no file or folder {src!r}. POST /files/list names those there are; a file counts once all of it "
            "is uploaded."
        )


class FileTooLarge(TooLarge):
    code = "file_too_large"

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"The file has {size_bytes} bytes; this server takes at most {limit_bytes} in one file. Split it, or raise "
            "LLMANAGER_MAX_FILE_MIB."
        )


class TooManyUploads(Throttled):
    code = "too_many_uploads"

    def __init__(self) -> None:
        super().__init__(
            f"{MAX_OPEN_UPLOADS} uploads of yours are announced and not over, which is as many as may be. Finish them, "
            "or POST /files/delete those that you gave up.",
            retry_after_s=60,
        )


class UploadsBusy(Throttled):
    code = "uploads_busy"

    def __init__(self) -> None:
        super().__init__(
            f"{MAX_UPLOADS_AT_ONCE} uploads come in already, which is as many as may at once. Try again in a moment.",
            retry_after_s=5,
        )


class UploadNotFound(NotFound):
    """One text for whatever is wrong, so that nobody learns which ids there are."""

    code = "upload_not_found"

    def __init__(self) -> None:
        super().__init__(
            "This address is not open for an upload, or no longer. Announce the file with POST /files and use the "
            "put_url of the answer before its expires_at."
        )


class AlreadyUploaded(Conflict):
    code = "already_uploaded"

    def __init__(self) -> None:
        super().__init__("This file is there already. Announce another one, of the same name if it is to replace it.")


class UploadOvertaken(Conflict):
    code = "upload_overtaken"

    def __init__(self) -> None:
        super().__init__("Another upload to the same address began after this one, so this one was dropped.")


class UploadTooLong(TooLarge):
    code = "upload_too_long"

    def __init__(self, announced_bytes: int) -> None:
        super().__init__(
            f"More than the {announced_bytes} bytes came that were announced, so nothing was kept. Announce the file "
            "with its size, and send it again."
        )


class UploadTooShort(Final):
    code = "upload_too_short"

    def __init__(self, size_bytes: int, announced_bytes: int) -> None:
        super().__init__(
            f"The upload has {size_bytes} bytes where {announced_bytes} were announced, so nothing was kept. Send the "
            "whole file to the same address again."
        )
