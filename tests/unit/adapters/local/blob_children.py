"""What the tests of blobs let other processes do: `python -m tests.unit.adapters.local.blob_children WHAT ROOT`."""

import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from llmanager.adapters.local.file_blobs import FileBlobs
from llmanager.kernel.errors import OutOfSpace

LIMIT_BYTES = 100_000


def put(root: Path) -> None:
    """Says "half", and goes on when it is sent a line."""

    def pieces() -> Iterator[bytes]:
        yield b"first "
        print("half", flush=True)
        sys.stdin.readline()
        yield b"second"

    FileBlobs(root).put("a/b", pieces())
    print("done", flush=True)


def fill(root: Path) -> None:
    """Replaces a blob by one that is larger than files may be."""
    blobs = FileBlobs(root)
    blobs.put("a", [b"old"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, LIMIT_BYTES))
    try:
        blobs.put("a", (b"x" * 30_000 for _ in range(10)))
    except OutOfSpace as error:
        print(type(error).__name__, flush=True)


if __name__ == "__main__":
    {"put": put, "fill": fill}[sys.argv[1]](Path(sys.argv[2]))
