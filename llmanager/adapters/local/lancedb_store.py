"""The VectorStore port on LanceDB: a table an index, each in a folder of its own.

Loading this module takes two seconds and 100 MB: wiring does so when the first vector database is used.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import lancedb

from llmanager.adapters.local.lancedb_errors import translated
from llmanager.adapters.local.lancedb_folders import IndexFolders, Place
from llmanager.adapters.local.lancedb_index import LanceIndex, build
from llmanager.kernel.errors import Conflict
from llmanager.vdb.entities import Found, Hit, IndexStats, Item, Shape, Write
from llmanager.vdb.errors import IndexMissing
from llmanager.vdb.filters import Filter
from llmanager.vdb.ports import FieldType

MAX_OPEN = 256  # tables
ANN_ROWS = 10_000
KEEP_S = 15 * 60
CACHE_MIB = 128


class LanceDBVectorStore:
    """Indexes under `root`. Several processes may use them at once; each sees the others' writes at its next call.

    An index of `ann_rows` or more gets an approximate vector index when it is tended. `keep_s`: how long tending spares
    files that a reader or writer still at work might need. `cache_mib`: memory for indexes, of all tables together.
    """

    def __init__(
        self, root: Path, *, ann_rows: int = ANN_ROWS, keep_s: float = KEEP_S, cache_mib: int = CACHE_MIB
    ) -> None:
        self._folders = IndexFolders(root)
        self._ann_rows = ann_rows
        self._keep_s = keep_s
        self._session = lancedb.Session(
            index_cache_size_bytes=cache_mib * 2**20, metadata_cache_size_bytes=cache_mib * 2**18
        )
        self._lock = threading.Lock()
        self._open: OrderedDict[str, LanceIndex] = OrderedDict()  # the least recently used first

    def create(self, index: str, shape: Shape) -> None:
        with translated():
            place = self._folders.find(index) or self._folders.make(
                index, shape, lambda place: build(place, shape, self._connect(place))
            )
            if place.shape() != shape:
                raise Conflict("The index exists with another shape. Drop it first.")

    def drop(self, index: str) -> None:
        with self._lock:
            self._open.pop(index, None)
        self._folders.remove(index)

    def apply(self, index: str, write: Write) -> None:
        with self._opened(index) as opened:
            opened.apply(write)

    def load(self, index: str, writes: Iterable[Write]) -> None:
        for write in writes:
            self.apply(index, write)

    def get(self, index: str, ids: Sequence[str]) -> tuple[Found, ...]:
        with self._opened(index) as opened:
            return opened.get(ids)

    def list(self, index: str, *, after: str = "", limit: int = 100) -> tuple[Item, ...]:
        with self._opened(index) as opened:
            return opened.page(after, limit)

    def search(
        self, index: str, vector: bytes, *, k: int, where: Filter | None = None, with_vectors: bool = False
    ) -> tuple[Hit, ...]:
        with self._opened(index) as opened:
            return opened.search(vector, k, where, with_vectors)

    def search_text(
        self, index: str, query: str, *, k: int, where: Filter | None = None, with_vectors: bool = False
    ) -> tuple[Hit, ...]:
        with self._opened(index) as opened:
            return opened.search_text(query, k, where, with_vectors)

    def fields(self, index: str) -> Mapping[str, frozenset[FieldType]]:
        with self._opened(index) as opened:
            return opened.fields()

    def stats(self, index: str) -> IndexStats:
        with self._opened(index) as opened:
            return opened.stats()

    def tend(self, index: str) -> None:
        """A millisecond where there is nothing to do, so it may be called after every write and every minute."""
        with self._opened(index) as opened:
            opened.tend(self._ann_rows, self._keep_s)

    def indexes(self) -> tuple[str, ...]:
        return self._folders.indexes()

    @contextmanager
    def _opened(self, index: str) -> Iterator[LanceIndex]:
        place = self._folders.find(index)
        if place is None:
            raise IndexMissing()
        with translated(is_gone=lambda: self._folders.find(index) != place):
            yield self._at(index, place)

    def _at(self, index: str, place: Place) -> LanceIndex:
        with self._lock:
            opened = self._open.get(index)
            if opened is None or opened.place != place:
                opened = self._open[index] = LanceIndex(place, self._connect(place))
            self._open.move_to_end(index)
            if len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)
            return opened

    def _connect(self, place: Place) -> Any:
        return lancedb.connect(place.folder, session=self._session, read_consistency_interval=timedelta(0))
