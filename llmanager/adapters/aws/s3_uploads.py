"""Uploads that go to S3 itself: an address is a presigned PUT, with the body's length among what is signed.

It ends with the credentials that signed it, if those end first: a Lambda's role has some hours. One PUT, and so one
file, has at most 5 GiB; a copy too.
"""

import base64
import hashlib
from typing import Any

from llmanager.adapters.aws.errors import translated
from llmanager.adapters.aws.s3_blobs import S3Blobs
from llmanager.adapters.aws.s3_errors import of_s3


class S3Uploads:
    """The DirectUploads port, in the bucket of `S3Blobs`."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def address(self, key: str, size_bytes: int, *, for_s: int) -> str:
        put = {"Bucket": self._bucket, "Key": key, "ContentLength": size_bytes}
        with translated("sign an address", of_s3):
            address: str = self._client.generate_presigned_url("put_object", Params=put, ExpiresIn=for_s)
        return address

    def keep(self, key: str, blob: str) -> str:
        with translated("copy a blob", of_s3):
            answer = self._client.copy_object(
                Bucket=self._bucket,
                Key=blob,
                CopySource={"Bucket": self._bucket, "Key": key},
                ChecksumAlgorithm="SHA256",
                MetadataDirective="REPLACE",
            )
        told = answer["CopyObjectResult"].get("ChecksumSHA256")
        return base64.b64decode(told).hex() if told else self._computed(blob)

    def _computed(self, blob: str) -> str:
        """Where S3 is emulated: S3 itself tells it."""
        digest = hashlib.sha256()
        for piece in S3Blobs(self._client, self._bucket).read(blob):
            digest.update(piece)
        return digest.hexdigest()
