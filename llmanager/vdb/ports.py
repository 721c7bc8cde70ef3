"""What collections need from the outside: an index, an embedder, a way to be alone with one collection."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Protocol

from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import Block, Chunking, Document, Found, Hit, IndexStats, Item, Shape, Vectors, Write
from llmanager.vdb.filters import Filter

MAX_TEXTS = 256  # of one embed


class FieldType(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"


class VectorStore(Protocol):
    """Indexes by name, one a collection: derived data, which segments can make anew at any time.

    Every call blocks and is thread-safe. After a write is answered every reader sees it whole, in other processes too,
    and it survives `kill -9`; a write that raised is not there at all, and WriteUnsettled alone says that it may be,
    whole. May raise Throttled or Unavailable (retryable) and OutOfSpace. All calls on an index that is not there raise
    IndexMissing, except `create` and `drop`.
    Adapters pass tests/contracts/vector_store/.
    """

    def create(self, index: str, shape: Shape) -> None:
        """Make an empty index. There already with this shape: nothing happens. Raises Conflict for another shape."""

    def drop(self, index: str) -> None:
        """Remove the index and its bytes. Absent is fine; safe to repeat after a crash half-way."""

    def apply(self, index: str, write: Write) -> None:
        """Delete, then upsert by id, visible together. Applying the same again changes nothing.

        Raises DimensionMismatch, and InvalidInput where metadata would bring more than MAX_FIELDS fields. Of items with
        the same id the last one counts. Raises WriteUnsettled where the store is far away and the answer got lost.
        """

    def load(self, index: str, writes: Iterable[Write]) -> None:
        """Apply all of them in order to an index that is new and that nobody reads yet: they need be visible only when
        this returns. If it raises, the index is good for nothing but `drop`.
        """

    def get(self, index: str, ids: Sequence[str]) -> tuple[Found, ...]:
        """Those that are there, in the order asked for."""

    def list(self, index: str, *, after: str = "", limit: int = 100) -> tuple[Item, ...]:
        """Items by id (bytes of UTF-8), from behind `after`."""

    def search(
        self, index: str, vector: bytes, *, k: int, where: Filter | None = None, with_vectors: bool = False
    ) -> tuple[Hit, ...]:
        """The k nearest items that satisfy `where`, the closest first, equal scores by id.

        `where` is applied before the k are chosen. Fields in it must be ones that `fields` names.
        Large indexes may miss a few: recall@10 is at least 0.95.
        """

    def search_text(
        self, index: str, query: str, *, k: int, where: Filter | None = None, with_vectors: bool = False
    ) -> tuple[Hit, ...]:
        """As search, by BM25 over the texts. Nothing of the query is syntax. Items that share no word are no hits.

        Raises NotSupported where the index was made without texts.
        """

    def fields(self, index: str) -> Mapping[str, frozenset[FieldType]]:
        """Metadata fields that some write has brought, with the types they came in."""

    def stats(self, index: str) -> IndexStats: ...

    def tend(self, index: str) -> None:
        """Compact, and make or extend what speeds searches up. May take long; searches and writes go on meanwhile."""

    def indexes(self) -> tuple[str, ...]:
        """Every index that holds anything, half-dropped ones too: what a sweep compares with the rows."""


class Embedder(Protocol):
    def dimensions(self, caller: Principal, model: str) -> int | None:
        """Of the model's vectors, from memory; None: not known yet. Raises EmbedderMissing, EmbedderUnfit."""

    async def embed(self, caller: Principal, model: str, texts: Sequence[str]) -> Vectors:
        """One row a text, in order. Wakes the model and waits for it, as a request would.

        At most MAX_TEXTS texts. Raises EmbedderMissing (no such model of this tenant), EmbedderUnfit (not an embedding
        model), InvalidInput (a text is longer than the model takes), and what is Retryable of a request for a model.
        """


class Exclusive(Protocol):
    def __call__(self, resource: str) -> AbstractContextManager[None]:
        """To be the only writer of a collection, in all processes, while the context lasts.

        Raises Throttled if others do not finish in time.
        """


class DocumentSource(Protocol):
    """Where documents come from: uploads, the blob store, a folder."""

    def list(self, tenant: str, src: str) -> Iterator[Document]:
        """Every document that `src` names, by name. Raises NotFound where it names nothing, InvalidInput."""

    def read(self, tenant: str, document: Document) -> Iterator[bytes]:
        """Its bytes, a piece at a time. Raises NotFound where it is gone meanwhile."""


class DocumentReader(Protocol):
    def open(self, name: str, content: Iterable[bytes]) -> AbstractContextManager[Iterator[Block]]:
        """The document's text, block by block, with bounded memory here whatever its size or malice.

        Deterministic: the same bytes give the same blocks. Raises DocumentUnreadable, also while the blocks are read.
        """


class Splitter(Protocol):
    def split(self, text: str, chunking: Chunking, *, is_markdown: bool = False) -> Sequence[str]:
        """Chunks of `text` in order, none of them blank. Pure."""
