"""What files need beside rows and blobs, where a host lets uploads past itself."""

from typing import Protocol


class DirectUploads(Protocol):
    """Addresses of the blob store itself, to which users send their files.

    An address may be used again until it ends. So what came in by one is no file yet: `keep` makes a blob of it that no
    address leads to. Adapters pass tests/contracts/test_direct_uploads.py.
    """

    def address(self, key: str, size_bytes: int, *, for_s: int) -> str:
        """Whoever has it may write this blob, of exactly that size, by an HTTP PUT that begins within `for_s` seconds.

        Raises Unavailable.
        """

    def keep(self, key: str, blob: str) -> str:
        """Copy what came in, whole and at one moment, to another blob; the SHA-256 of the copy, hex.

        Raises BlobNotFound, Throttled and Unavailable: a copy may be there then, or not.
        """
