"""Files over fakes, and shorthands to act with them."""

import itertools

from llmanager.files.entities import Announced, File
from llmanager.files.usecases.announce import announce
from llmanager.files.usecases.files import Files
from llmanager.files.usecases.receive import receive
from tests.fakes.blobs import FakeBlobs
from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable


class World:
    def __init__(self, blobs=None) -> None:
        numbers = itertools.count()
        self.clock = FakeClock()
        self.table = FakeTable(self.clock)
        self.blobs = blobs or FakeBlobs()
        self.files = Files(self.table, self.blobs, self.clock, lambda: f"{next(numbers):016}", max_file_bytes=1000)

    def announce(self, filename="docs/a.txt", size_bytes=5, tenant="acme", **more) -> Announced:
        return announce(self.files, tenant=tenant, filename=filename, size_bytes=size_bytes, **more)

    def send(self, made: Announced, *pieces: bytes, **more) -> File:
        return receive(self.files, file_id=made.file.id, token=made.token, pieces=pieces, **more)

    def upload(self, filename="docs/a.txt", content=b"hello", tenant="acme", **more) -> File:
        return self.send(self.announce(filename, len(content), tenant, **more), content)

    def content(self, file: File) -> bytes:
        return b"".join(self.files.read(file))

    def names(self, tenant="acme", prefix="") -> list[str]:
        return [file.filename for file in self.files.page(tenant, prefix=prefix, limit=200).items]

    def kept(self) -> list[str]:
        """Blobs that there are."""
        return [blob.key for blob in self.blobs.list("")]
