"""Documents to chunks to vectors to a collection, a target, or both. Begun again, it goes on where it was."""

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from llmanager.kernel.errors import InvalidInput, NotFound, TooLarge
from llmanager.kernel.principal import Principal
from llmanager.kernel.table import Table
from llmanager.vdb.chunks import Ended, Portion, chunks, portions
from llmanager.vdb.entities import (
    MAX_CHUNK,
    MAX_DOCUMENT_BYTES,
    MAX_DOCUMENTS,
    MIN_CHUNK,
    Chunking,
    Document,
    Item,
    Strategy,
    Vectors,
)
from llmanager.vdb.errors import DocumentUnreadable
from llmanager.vdb.limits import check_items
from llmanager.vdb.ports import DocumentReader, DocumentSource, Splitter
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.create import check_fit
from llmanager.vdb.usecases.destinations import (
    CollectionDestination,
    Destination,
    Embedded,
    Held,
    TargetDestination,
)
from llmanager.vdb.usecases.embed_ahead import EmbedAhead, Vector
from llmanager.vdb.usecases.log import SegmentLog

INGEST = "vdb.ingest"  # the kind of job that does it
PORTIONS_AHEAD = 2
MAX_FAILURES_TOLD = 100
CUT = 1  # how documents are read and cut; another number has every document made anew


class Tell(Protocol):
    def __call__(self, done: int, total: int | None, unit: str, stage: str) -> None:
        """How far the work is. Raises what ends it early."""


class Embed(Protocol):
    def __call__(self, caller: Principal, model: str, texts: Sequence[str], /, check: Callable[[], None]) -> Vectors:
        """As Embedder, but blocks. `check` is called now and then meanwhile, in this thread; what it raises ends it."""


@dataclass(frozen=True)
class Ingestion:
    """What ingesting and loading hold in their hands."""

    vdbs: Collections
    table: Table  # of its own: what was ingested
    source: DocumentSource
    reader: DocumentReader
    splitter: Splitter
    embed: Embed
    embedded: Callable[[str], SegmentLog]  # a tenant's targets


@dataclass(frozen=True)
class Order:
    """What is to be ingested. At least one of `vdb` and `target`."""

    model: str
    src: str
    vdb: str | None = None
    target: str | None = None
    chunking: Chunking = field(default_factory=Chunking)

    def payload(self) -> dict[str, Any]:
        """As JSON without floats."""
        return asdict(self)

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> "Order":
        chunking = payload["chunking"]
        return cls(**{**payload, "chunking": Chunking(**{**chunking, "strategy": Strategy(chunking["strategy"])})})


def check_order(order: Order) -> None:
    """What can be said before anything is read. Raises InvalidInput."""
    if order.vdb is None and order.target is None:
        raise InvalidInput("Say where to: give 'vdb', 'target' or both.", param="vdb")
    if not MIN_CHUNK <= order.chunking.size <= MAX_CHUNK:
        raise InvalidInput(f"'size' is {MIN_CHUNK} to {MAX_CHUNK} characters.", param="chunking.size")
    if not 0 <= order.chunking.overlap <= order.chunking.size // 2:
        raise InvalidInput("'overlap' is 0 to half of 'size'.", param="chunking.overlap")


def ingest(tools: Ingestion, *, caller: Principal, order: Order, tell: Tell) -> dict[str, Any]:
    """Blocks until all is done and tells what was: JSON without floats.

    What is wrong with one document is told in the result, and the others go on. Raises what concerns all of them:
    CollectionNotFound, NotFound (no such `src`), InvalidInput, EmbedderMissing, EmbedderUnfit, DimensionMismatch, what
    `tell` raises, and what is Retryable.
    """
    check_order(order)
    run = _Run(tools, caller, order, tell)
    embed = partial(tools.embed, caller, order.model, check=run.tell_progress)
    with EmbedAhead(embed, tools.vdbs.clock) as ahead:
        begun: deque[_Begun] = deque()
        for portion in portions(run.entries()):
            begun.append(run.begin(portion, ahead))
            if len(begun) == PORTIONS_AHEAD:
                run.settle(begun.popleft())
        while begun:
            run.settle(begun.popleft())
    run.tell_progress()
    return run.end()


@dataclass(frozen=True)
class _Begun:
    """A portion that is being embedded."""

    portion: Portion
    held: tuple[Held, ...]  # one a destination
    known: Mapping[str, bytes]  # vectors by id that were there already
    vectors: Callable[[], list[Vector]]  # of the others


class _Run:
    def __init__(self, tools: Ingestion, caller: Principal, order: Order, tell: Tell) -> None:
        self._tools, self._caller, self._order, self._tell = tools, caller, order, tell
        self._made_by = f"{CUT} {order.chunking.strategy}:{order.chunking.size}:{order.chunking.overlap} {order.model}"
        self._collection = self._open_collection()
        self._documents = self._listed()
        self._target = self._open_target()
        self._destinations: list[Destination] = [d for d in (self._collection, self._target) if d is not None]
        self._counts: Counter[str] = Counter(documents=0, chunks=0, embedded=0, skipped=0, failures=0)
        self._unchanged_chunks = 0
        self._stage = ""
        self._failed: list[dict[str, str]] = []
        self._refusals: dict[str, tuple[int, str]] = {}  # of documents on their way: how many, why the first

    def entries(self) -> Iterator[Item | Ended]:
        for number, document in enumerate(self._documents.values(), start=1):
            self._stage = f"document {number} of {len(self._documents)}: {document.name}"
            self.tell_progress()
            if self._is_unchanged(document):
                self._counts["skipped"] += 1
            else:
                yield from self._read(document)

    def begin(self, portion: Portion, ahead: EmbedAhead) -> _Begun:
        held = tuple(destination.look_up(portion) for destination in self._destinations)
        known = {
            item.id: found[item.id].vector
            for found in held
            for item in portion.items
            if item.id in found and found[item.id].item.text == item.text
        }
        new = [item.text for item in portion.items if item.id not in known]
        return _Begun(portion, held, known, ahead.begin(new))

    def settle(self, begun: _Begun) -> None:
        embedded = self._embedded(begun)
        for destination, held in zip(self._destinations, begun.held, strict=True):
            destination.put(embedded, held)
        self._counts["chunks"] += len(embedded.rows)
        for ended in embedded.portion.ended:
            self._count(ended)
        self.tell_progress()

    def end(self) -> dict[str, Any]:
        if self._target is not None:
            self._target.end()
        return {**self._counts, "failed": self._failed}

    def tell_progress(self) -> None:
        """Chunks that are there, whoever put them there: a run that goes on after another begins where that ended."""
        self._tell(self._counts["chunks"] + self._unchanged_chunks, None, "chunks", self._stage)

    def _open_collection(self) -> CollectionDestination | None:
        if self._order.vdb is None:
            return None
        key = (self._caller.tenant, self._order.vdb)
        check_fit(self._tools.vdbs.require(key), model=self._order.model, dim=None)
        return CollectionDestination(self._tools.vdbs, key, self._order.model, self._made_by, self._tools.table)

    def _open_target(self) -> TargetDestination | None:
        if self._order.target is None:
            return None
        tenant = self._caller.tenant
        log = self._tools.embedded(tenant)
        return TargetDestination(log, self._tools.table, tenant, self._order.target, self._order.model)

    def _listed(self) -> dict[str, Document]:
        documents: dict[str, Document] = {}
        for document in self._tools.source.list(self._caller.tenant, self._order.src):
            documents[document.name] = document
            if len(documents) > MAX_DOCUMENTS:
                raise InvalidInput(f"'src' names more than {MAX_DOCUMENTS} documents. Name fewer.", param="src")
        return documents

    def _is_unchanged(self, document: Document) -> bool:
        if self._collection is None:
            return False
        before = self._collection.begin(document.name)
        if self._target is not None or not before.is_whole or before.made_by != self._made_by:
            return False
        try:
            digest = hashlib.sha256()
            deque(_hashed(self._content(document), digest.update), maxlen=0)
        except (DocumentUnreadable, NotFound):
            return False  # reading it will say so
        if digest.hexdigest() != before.digest or not self._collection.holds(document.name, before.chunks):
            return False
        self._unchanged_chunks += before.chunks
        return True

    def _read(self, document: Document) -> Iterator[Item | Ended]:
        count, digest, failure = 0, hashlib.sha256(), None
        try:
            content = _hashed(self._content(document), digest.update)
            with self._tools.reader.open(document.name, content) as blocks:
                for item in chunks(document.name, blocks, self._order.chunking, self._tools.splitter):
                    check_items((item,))
                    yield item
                    count += 1
        except (DocumentUnreadable, NotFound, InvalidInput, TooLarge) as error:
            failure = str(error)
        yield Ended(document.name, count, digest.hexdigest(), failure)

    def _content(self, document: Document) -> Iterator[bytes]:
        if document.size_bytes > MAX_DOCUMENT_BYTES:
            raise DocumentUnreadable(f"It has {document.size_bytes} bytes; at most {MAX_DOCUMENT_BYTES} are read.")
        return self._tools.source.read(self._caller.tenant, document)

    def _embedded(self, begun: _Begun) -> Embedded:
        """Without the items that the embedder refused, whose documents fail for that."""
        fresh = iter(begun.vectors())
        rows: list[tuple[Item, bytes]] = []
        refused: list[str] = []
        for item in begun.portion.items:
            vector: Vector = begun.known.get(item.id) or next(fresh)
            if isinstance(vector, InvalidInput):
                refused.append(item.id)
                number, first = self._refusals.get(item.source, (0, f"Chunk {item.metadata['chunk']}: {vector}"))
                self._refusals[item.source] = (number + 1, first)
            else:
                rows.append((item, vector))
        self._counts["embedded"] += len(rows) - len(begun.known)
        ended = tuple(self._judged(one) for one in begun.portion.ended)
        return Embedded(Portion(tuple(item for item, _ in rows), ended), tuple(row for _, row in rows), tuple(refused))

    def _judged(self, ended: Ended) -> Ended:
        number, first = self._refusals.pop(ended.name, (0, ""))
        if not number or ended.failure is not None:
            return ended
        return replace(ended, failure=f"The embedder refused {number} of {ended.chunks} chunks. {first}")

    def _count(self, ended: Ended) -> None:
        if ended.failure is None:
            self._counts["documents"] += 1
            return
        self._counts["failures"] += 1
        if len(self._failed) < MAX_FAILURES_TOLD:
            self._failed.append({"document": ended.name, "reason": ended.failure})


def _hashed(content: Iterable[bytes], update: Callable[[bytes], object]) -> Iterator[bytes]:
    for piece in content:
        update(piece)
        yield piece
