"""The collections that there are: rows in, entities out, every write conditional."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import Conflict, Retryable, Throttled
from llmanager.kernel.ids import NewId
from llmanager.kernel.pages import Page, from_cursor, to_cursor
from llmanager.kernel.table import Action, Put, Table, all_rows
from llmanager.vdb import rows
from llmanager.vdb.entities import Collection, Index, Use
from llmanager.vdb.errors import BeingChanged, CollectionNotFound
from llmanager.vdb.lifecycle import is_worth_noting
from llmanager.vdb.ports import Exclusive, VectorStore
from llmanager.vdb.rows import Key
from llmanager.vdb.usecases.log import SegmentLog


def _nobody(_: str) -> None:
    return None


def _always() -> None:
    return None


@dataclass(frozen=True)
class Collections:
    """What every use case of collections holds in its hands."""

    table: Table
    store: VectorStore
    log: SegmentLog
    clock: Clock
    new_id: NewId
    exclusive: Exclusive
    stage: str = "dev"
    store_name: str = "lancedb"  # what users call the store
    max_collections: int = 1000  # of all tenants
    changed: Callable[[str], None] = field(default=_nobody)  # after every answered change of that resource
    go_on: Callable[[], None] = field(default=_always)  # between steps of what takes long; raises what is Retryable
    restore_wait_s: float = 20.0  # that a request waits for an index that is being restored
    restores: dict[str, "asyncio.Task[None]"] = field(default_factory=dict, compare=False, repr=False)  # by resource

    def find(self, key: Key) -> Collection | None:
        """None also while it is being deleted."""
        found = self.find_any(key)
        return None if found is None or found.is_deleting else found

    def find_any(self, key: Key) -> Collection | None:
        tenant, name = key
        row = self.table.get(rows.collection_partition(tenant), name)
        return None if row is None else rows.to_collection(row)

    def require(self, key: Key) -> Collection:
        """Raises CollectionNotFound, also for another tenant's."""
        found = self.find(key)
        if found is None:
            raise CollectionNotFound(key[1])
        return found

    def page(self, tenant: str, *, limit: int, cursor: str | None) -> Page[Collection]:
        """May be short; only the last page has no cursor."""
        found = self.table.query(rows.collection_partition(tenant), after=from_cursor(cursor), limit=limit)
        collections = [rows.to_collection(row) for row in found.rows]
        return Page(tuple(c for c in collections if not c.is_deleting), to_cursor(found.next_after))

    def every(self) -> Iterator[Collection]:
        """Those of all tenants, those being deleted too."""
        return (rows.to_collection(row) for row in all_rows(self.table) if rows.is_collection(row))

    def is_known(self) -> bool:
        """Whether this registry ever had a collection. False where segments are: it was lost, or is an older one."""
        return self.table.get(*rows.MARKER) is not None

    def is_dead(self, resource: str) -> bool:
        """Whether it was a collection's that was deleted lately. A resource's name is never used again."""
        return self.table.get(rows.GONE, resource) is not None

    def index(self, collection: Collection) -> Index:
        """Raises CollectionNotFound where the collection is gone meanwhile."""
        row = self.table.get(rows.index_partition(collection.tenant), collection.resource)
        if row is None:
            raise CollectionNotFound(collection.name)
        return rows.to_index(row)

    def save_index(self, collection: Collection, index: Index, guards: Sequence[Action] = ()) -> Index:
        """Only if nobody wrote it since `index` was read, and every guard holds. Raises BeingChanged."""
        try:
            written, *_ = self.table.transact([Put(rows.index_row(collection, index), index.version), *guards])
        except Conflict as conflict:
            raise BeingChanged(collection.name) from conflict
        assert written is not None  # a Put always answers its row
        return replace(index, version=written.version)

    def use(self, collection: Collection) -> Use:
        return rows.to_use(self.table.get(rows.use_partition(collection.tenant), collection.resource))

    def note_use(self, collection: Collection) -> None:
        """Cheap, and never in the way of what it notes: a use that cannot be written now is written by the next."""
        with suppress(Retryable, Conflict):
            now = self.clock.now()
            if is_worth_noting(collection, self.use(collection), now):
                self.table.transact([Put(rows.use_row(collection, now)), rows.unchanged(collection)])

    @contextmanager
    def alone(self, key: Key) -> Iterator[Collection]:
        """The collection as it is once nobody else writes to it. Raises CollectionNotFound, Throttled."""
        before = self.require(key)
        with self.exclusive(before.resource):
            collection = self.require(key)
            if collection.resource != before.resource:
                raise Throttled(f"The vector database {key[1]!r} was deleted and created anew. Try again.")
            yield collection
