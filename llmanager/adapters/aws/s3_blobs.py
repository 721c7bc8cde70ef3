"""The Blobs port on one S3 bucket: a blob's key is its object's.

A blob of up to PART_BYTES is one PUT; a larger one is an upload of several parts, each held in memory while it is sent,
which is there at its end or not at all. (One whose process dies leaves parts that nobody sees: the bucket's rule for
incomplete uploads removes them.) Before a PUT one LIST looks whether its key is a folder, and, once for each folder, a
HEAD whether that is a blob. Two that create a blob and its folder at the same moment are not told apart: S3 keeps both.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import accumulate, chain
from typing import Any, Final

from llmanager.adapters.aws.errors import translated
from llmanager.adapters.aws.s3_errors import of_s3
from llmanager.kernel.blobs import PIECE_BYTES, BlobInfo, checked_key, is_part
from llmanager.kernel.errors import BlobNotFound, Retryable, TooLarge

PART_BYTES: Final = 8 * 1024 * 1024
MAX_PARTS: Final = 10_000
MAX_FOLDERS: Final = 10_000  # remembered

_WRITE = "write a blob"
_READ = "read a blob"


class S3Blobs:
    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._folders: set[str] = set()  # known to hold blobs, and so to be none

    def put(self, key: str, pieces: Iterable[bytes]) -> int:
        self._check_place(checked_key(key))
        parts = _parts(pieces)
        first = next(parts, b"")
        if len(first) < PART_BYTES:
            with translated(_WRITE, of_s3):
                self._client.put_object(Bucket=self._bucket, Key=key, Body=first)
            size_bytes = len(first)
        else:
            size_bytes = self._put_parts(key, chain([first], parts))
        self._remember(key)
        return size_bytes

    def read(self, key: str) -> Iterator[bytes]:
        with translated(_READ, of_s3):
            body = self._client.get_object(Bucket=self._bucket, Key=checked_key(key))["Body"]
        pieces = _pieces(body)
        next(pieces)  # from now on the body is closed with the iterator
        return pieces

    def find(self, key: str) -> BlobInfo | None:
        try:
            with translated("look for a blob", of_s3):
                head = self._client.head_object(Bucket=self._bucket, Key=checked_key(key))
        except BlobNotFound:
            return None
        return BlobInfo(key, head["ContentLength"])

    def list(self, prefix: str) -> Iterator[BlobInfo]:
        folder, slash, _ = prefix.rpartition("/")
        if slash:
            checked_key(folder)
        return self._listed(prefix)

    def delete(self, key: str) -> None:
        with translated("delete a blob", of_s3):
            self._client.delete_object(Bucket=self._bucket, Key=checked_key(key))

    def _listed(self, prefix: str, **request: Any) -> Iterator[BlobInfo]:
        while True:
            with translated("list blobs", of_s3):
                page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **request)
            for found in page.get("Contents", ()):
                if all(map(is_part, found["Key"].split("/"))):  # others are none of ours
                    yield BlobInfo(found["Key"], found["Size"])
            if not page["IsTruncated"]:
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    def _check_place(self, key: str) -> None:
        """Raises ValueError if the key is a folder, or a blob is one of its folders."""
        is_blob = any(folder not in self._folders and self.find(folder) for folder in _folders_of(key))
        if is_blob or next(self._listed(f"{key}/", MaxKeys=1), None):
            raise ValueError("a blob and a folder cannot have one key")

    def _remember(self, key: str) -> None:
        if len(self._folders) >= MAX_FOLDERS:
            self._folders.clear()
        self._folders.discard(key)
        self._folders.update(_folders_of(key))

    def _put_parts(self, key: str, parts: Iterable[bytes | bytearray]) -> int:
        size_bytes, sent = 0, []
        with self._upload(key) as upload:
            for number, part in enumerate(parts, start=1):
                if number > MAX_PARTS:
                    raise TooLarge(f"A blob has at most {MAX_PARTS * PART_BYTES} bytes. Send less at once.")
                with translated(_WRITE, of_s3):
                    answer = self._client.upload_part(**upload, PartNumber=number, Body=part)
                sent.append({"PartNumber": number, "ETag": answer["ETag"]})
                size_bytes += len(part)
            with translated(_WRITE, of_s3):
                self._client.complete_multipart_upload(**upload, MultipartUpload={"Parts": sent})
        return size_bytes

    @contextmanager
    def _upload(self, key: str) -> Iterator[dict[str, str]]:
        """Names an upload of several parts, which is given up if the block does not come to its end."""
        where = {"Bucket": self._bucket, "Key": key}
        with translated(_WRITE, of_s3):
            upload = where | {"UploadId": self._client.create_multipart_upload(**where)["UploadId"]}
        is_over = False
        try:
            yield upload
            is_over = True
        finally:
            if not is_over:
                with suppress(Retryable, BlobNotFound), translated("give up a blob", of_s3):
                    self._client.abort_multipart_upload(**upload)


def _folders_of(key: str) -> list[str]:
    """`a`, `a/b` for `a/b/c`."""
    *folders, _ = accumulate(key.split("/"), lambda folder, part: f"{folder}/{part}")
    return folders


def _parts(pieces: Iterable[bytes]) -> Iterator[bytearray]:
    """All of PART_BYTES but the last."""
    part = bytearray()
    for piece in pieces:
        rest = memoryview(piece)
        while len(part) + len(rest) >= PART_BYTES:
            missing = PART_BYTES - len(part)
            part += rest[:missing]
            rest = rest[missing:]
            yield part
            part = bytearray()
        part += rest
    if part:
        yield part


def _pieces(body: Any) -> Iterator[bytes]:
    """First an empty one, as soon as the body is in good hands."""
    with closing(body):
        yield b""
        while True:
            with translated(_READ, of_s3):
                piece: bytes = body.read(PIECE_BYTES)
            if not piece:
                return
            yield piece
