"""Every Blobs there is, ready for the conformance suite. A new adapter adds its line."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from llmanager.adapters.aws.s3_blobs import S3Blobs
from llmanager.adapters.local.file_blobs import FileBlobs
from llmanager.kernel.blobs import Blobs
from tests import aws
from tests.fakes.blobs import FakeBlobs

_names = (f"blobs-{n}" for n in itertools.count())


@contextmanager
def s3_moto(folder: Path) -> Iterator[Blobs]:
    with aws.moto() as clients:
        yield _s3(aws.OneAtATime(clients.s3))


@contextmanager
def s3_ministack(folder: Path) -> Iterator[Blobs]:
    with aws.ministack() as clients:
        yield _s3(clients.s3)


def _s3(client: Any) -> Blobs:
    name = next(_names)
    aws.make_bucket(client, name)
    return S3Blobs(client, name)


ADAPTERS: dict[str, Callable[[Path], AbstractContextManager[Blobs]]] = {
    "fake": lambda folder: nullcontext(FakeBlobs()),
    "files": lambda folder: nullcontext(FileBlobs(folder / "blobs")),
    "s3-moto": s3_moto,
    "s3-ministack": s3_ministack,
}
