"""POST /vdb/embed: the form of our own, and that of the Lambda, with buckets and keys. A file's name is BUCKET/KEY."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from llmanager.wire.base import Request
from llmanager.wire.history import Text
from llmanager.wire.vdb import Name

Address = Annotated[Text, Field(min_length=1, max_length=1024)]
S3_FIELDS = ("s3_src_bucket", "s3_src_key", "s3_dest_bucket", "s3_dest_key")


class HowToCut(Request):
    strategy: Literal["recursive", "sentence", "fixed"] = "recursive"
    size: Annotated[int, Field(description="characters of a chunk, at most")] = 1000
    overlap: Annotated[
        int | None, Field(description="characters repeated from the chunk before; else a tenth of size")
    ] = None


class Embed(Request):
    """Documents to embed: what `src` names, into the database `vdb`, the `target` (for /vdb/add), or both."""

    model: Name
    src: Address | None = Field(None, description="a file id, file name, bucket (folder of names), or folder:PATH")
    target: Address | None = None
    vdb: Name | None = None
    chunking: HowToCut = Field(default_factory=HowToCut)
    s3_src_bucket: Address | None = None
    s3_src_key: Address | None = None
    s3_dest_bucket: Address | None = None
    s3_dest_key: Address | None = None

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        given = [name for name in S3_FIELDS if getattr(self, name) is not None]
        if given and (len(given) < len(S3_FIELDS) or self.src is not None or self.target is not None):
            raise PydanticCustomError("one_form", "Give 'src', or all of 's3_src_bucket' to 's3_dest_key'; not both.")
        if not given and self.src is None:
            raise PydanticCustomError("no_source", "Say what to embed: give 'src'.")
        return self

    @property
    def source(self) -> str:
        return self.src or f"s3://{self.s3_src_bucket}/{self.s3_src_key}"

    @property
    def destination(self) -> str | None:
        return f"s3://{self.s3_dest_bucket}/{self.s3_dest_key}" if self.s3_dest_key else self.target
