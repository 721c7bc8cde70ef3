"""Documents without files, processes and models."""

import struct
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from llmanager.kernel.errors import InvalidInput, LLManagerError, NotFound
from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import Block, Chunking, Document, Vectors
from llmanager.vdb.errors import DocumentUnreadable


class FakeDocuments:
    """A DocumentSource. `files` are a tenant's bytes by name; a `src` names all that begin with it.

    `reads` are the names of those that were read, in order.
    """

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], bytes] = {}
        self.reads: list[str] = []

    def list(self, tenant: str, src: str) -> Iterator[Document]:
        found = sorted(name for owner, name in self.files if owner == tenant and name.startswith(src))
        if not found:
            raise NotFound(f"There is nothing at {src!r}.")
        return (Document(name, len(self.files[tenant, name]), address=name) for name in found)

    def read(self, tenant: str, document: Document) -> Iterator[bytes]:
        self.reads.append(document.name)
        if (tenant, document.address) not in self.files:
            raise NotFound(f"{document.name!r} is gone.")
        data = self.files[tenant, document.address]
        return (data[at : at + 100] for at in range(0, len(data), 100))


class LineReader:
    """A DocumentReader: a block a line, those of a name that ends in .csv are records.

    A line 'BROKEN' ends the document as unreadable.
    """

    @contextmanager
    def open(self, name: str, content: Iterable[bytes]) -> Iterator[Iterator[Block]]:
        text = b"".join(content).decode()
        yield self._blocks(name, text)

    def _blocks(self, name: str, text: str) -> Iterator[Block]:
        for number, line in enumerate(text.splitlines(keepends=True), start=1):
            if line.strip() == "BROKEN":
                raise DocumentUnreadable("It is broken.")
            is_record = name.endswith(".csv")
            yield Block(line, {"row": number} if is_record else {}, is_record)


class LineSplitter:
    """A Splitter: a chunk a line."""

    def split(self, text: str, chunking: Chunking, *, is_markdown: bool = False) -> Sequence[str]:
        return [line.strip() for line in text.splitlines() if line.strip()]


class FakeEmbed:
    """Blocks as the embedding of a use case does. `texts` are those that were given vectors, in whatever order.

    A text that holds 'LONG' is refused. `before` is called with every batch: it may raise, or wait. While
    `is_waking` is set it waits, as for a model that wakes up.
    """

    def __init__(self, dim: int = 4) -> None:
        self.dim = dim
        self.texts: list[str] = []
        self.models: set[str] = set()
        self.callers: set[Principal] = set()
        self.before: Callable[[Sequence[str]], None] = lambda _: None
        self.down: LLManagerError | None = None
        self.is_waking = threading.Event()
        self._lock = threading.Lock()

    def __call__(
        self, caller: Principal, model: str, texts: Sequence[str], /, check: Callable[[], None] = lambda: None
    ) -> Vectors:
        self.before(texts)
        while self.is_waking.is_set():
            check()
        if self.down is not None:
            raise self.down
        if any("LONG" in text for text in texts):
            raise InvalidInput("The text is longer than the model takes.")
        with self._lock:
            self.texts += texts
            self.models.add(model)
            self.callers.add(caller)
        return Vectors(self.dim, b"".join(vector_of(text, self.dim) for text in texts))


def vector_of(text: str, dim: int = 4) -> bytes:
    return struct.pack(f"<{dim}f", *(zlib.crc32(f"{n} {text}".encode()) % 1000 / 1000 for n in range(dim)))
