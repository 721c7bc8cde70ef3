"""DirectUploads over FakeBlobs, with a way to send to an address as a user does."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import LLManagerError
from tests.fakes.blobs import FakeBlobs


class FakeUploads:
    """Passes tests/contracts/test_direct_uploads.py.

    `before_keep` runs once, just before the next copy: act there, or raise to refuse it. `after_keep` once, just after.
    `down` makes every call raise it.
    """

    def __init__(self, blobs: FakeBlobs, clock: Clock) -> None:
        self._blobs = blobs
        self._clock = clock
        self.before_keep: Callable[[], object] | None = None
        self.after_keep: Callable[[], object] | None = None
        self.down: LLManagerError | None = None

    def address(self, key: str, size_bytes: int, *, for_s: int) -> str:
        if self.down is not None:
            raise self.down
        ends_at = self._clock.now() + timedelta(seconds=for_s)
        return f"https://blobs.test/{key}?bytes={size_bytes}&until={ends_at.timestamp()}&signed={key}"

    def keep(self, key: str, blob: str) -> str:
        if self.down is not None:
            raise self.down
        act, self.before_keep = self.before_keep, None
        if act is not None:
            act()
        data = b"".join(self._blobs.read(key))
        self._blobs.put(blob, [data])
        act, self.after_keep = self.after_keep, None
        if act is not None:
            act()
        return hashlib.sha256(data).hexdigest()

    def send(self, address: str, body: bytes) -> int:
        """The status."""
        parts = urlsplit(address)
        signed = {name: values[0] for name, values in parse_qs(parts.query).items()}
        is_in_time = self._clock.now().timestamp() < float(signed["until"])
        if not is_in_time or len(body) != int(signed["bytes"]) or parts.path[1:] != signed["signed"]:
            return 403
        self._blobs.put(parts.path[1:], [body])
        return 200
