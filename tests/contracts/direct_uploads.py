"""Every DirectUploads there is, with its blobs and a way to send to an address. A new adapter adds its line."""

import itertools
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from llmanager.adapters.aws.s3_blobs import S3Blobs
from llmanager.adapters.aws.s3_uploads import S3Uploads
from llmanager.files.ports import DirectUploads
from llmanager.kernel.blobs import Blobs
from tests import aws
from tests.fakes.blobs import FakeBlobs
from tests.fakes.clock import FakeClock
from tests.fakes.direct_uploads import FakeUploads

Send = Callable[[str, bytes], int]  # answers the status

_names = (f"uploads-{n}" for n in itertools.count())


@contextmanager
def fake() -> Iterator[tuple[DirectUploads, Blobs, Send]]:
    blobs = FakeBlobs()
    uploads = FakeUploads(blobs, FakeClock())
    yield uploads, blobs, uploads.send


@contextmanager
def s3_ministack() -> Iterator[tuple[DirectUploads, Blobs, Send]]:
    with aws.ministack() as clients:
        bucket = next(_names)
        aws.make_bucket(clients.s3, bucket)
        yield S3Uploads(clients.s3, bucket), S3Blobs(clients.s3, bucket), send


def send(address: str, body: bytes) -> int:
    request = urllib.request.Request(address, data=body, method="PUT", headers={"content-type": "text/plain"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


ADAPTERS: dict[str, Callable[[], AbstractContextManager[tuple[DirectUploads, Blobs, Send]]]] = {
    "fake": fake,
    "s3-ministack": s3_ministack,
}
