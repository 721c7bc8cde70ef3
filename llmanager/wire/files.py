"""POST /files, PUT of a file's content, GET /files/ID, POST /files/list and /files/delete."""

from typing import Annotated, Literal

from pydantic import Field

from llmanager.wire.base import Lifetime, Limit, Request, Response, Time

Id = Annotated[str, Field(min_length=1, max_length=64)]
Filename = Annotated[
    str, Field(min_length=1, max_length=512, description="parts between slashes, such as bucket/folder/name.txt")
]


class AnnounceFile(Request):
    filename: Filename
    bytes: Annotated[int, Field(ge=0, description="exactly how many will be sent")]
    ttl_s: Lifetime | None = Field(None, description="from the end of its upload")


class FileAnnounced(Response):
    file_id: str
    put_url: str  # takes one upload without a key; whoever has it may send the file
    expires_at: Time  # until then the upload must be over


class ListFiles(Request):
    prefix: Annotated[str, Field(max_length=512)] = ""
    limit: Limit = 100
    cursor: Annotated[str, Field(max_length=1024)] | None = None


class DeleteFile(Request):
    file_id: Id


class File(Response):
    file_id: str
    filename: str
    bytes: int
    sha256: str | None  # hex, when ready
    status: Literal["announced", "ready"]
    created_at: Time
    expires_at: Time | None


class FileList(Response):
    files: list[File]
    cursor: str | None


class FileDeleted(Response):
    file_id: str
    status: Literal["deleted"] = "deleted"
