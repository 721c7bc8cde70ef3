"""Every Blobs there is, ready for the conformance suite. A new adapter adds its line."""

from collections.abc import Callable
from pathlib import Path

from llmanager.adapters.local.file_blobs import FileBlobs
from llmanager.kernel.blobs import Blobs
from tests.fakes.blobs import FakeBlobs

ADAPTERS: dict[str, Callable[[Path], Blobs]] = {
    "fake": lambda folder: FakeBlobs(),
    "files": lambda folder: FileBlobs(folder / "blobs"),
}
