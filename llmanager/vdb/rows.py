"""Collections as rows of a table of their own. The one place that knows their keys.

access pattern                                    partition           sort
a collection by tenant and name                   collection#TENANT   NAME
a tenant's collections                            collection#TENANT   (all)
all collections, for the sweep                    (scan, partitions that start with "collection#")
where a collection's index stands, its writes     index#TENANT        RESOURCE
last use                                          use#TENANT          RESOURCE
what was deleted, by resource                     gone#               RESOURCE   expires by itself
who alone may write, where processes are many     writer#             RESOURCE   expires by itself
that this registry was not lost                   fleet#              caps

Tenants have no '#' in their names. What hangs on a resource cannot be mistaken for that of a collection which was
deleted and created again.
"""

from datetime import datetime, timedelta

from llmanager.kernel.bodies import body_of, entity_in
from llmanager.kernel.table import Action, Check, Delete, Put, Row
from llmanager.vdb.entities import Collection, Index, Use

Key = tuple[str, str]  # tenant, name
GONE = "gone#"
WRITERS = "writer#"
MARKER = ("fleet#", "caps")
TOMBSTONE_DAYS = 30  # what a cut-off write leaves shows long before
_COLLECTION = "collection#"


def collection_partition(tenant: str) -> str:
    return f"{_COLLECTION}{tenant}"


def index_partition(tenant: str) -> str:
    return f"index#{tenant}"


def use_partition(tenant: str) -> str:
    return f"use#{tenant}"


def is_collection(row: Row) -> bool:
    return row.partition.startswith(_COLLECTION)


def collection_row(collection: Collection) -> Row:
    return Row(collection_partition(collection.tenant), collection.name, body_of(collection))


def to_collection(row: Row) -> Collection:
    return entity_in(row, Collection)


def index_row(collection: Collection, index: Index) -> Row:
    return Row(index_partition(collection.tenant), collection.resource, body_of(index))


def to_index(row: Row) -> Index:
    return entity_in(row, Index)


def use_row(collection: Collection, at: datetime) -> Row:
    return Row(use_partition(collection.tenant), collection.resource, {"last_used_at": at.isoformat()})


def to_use(row: Row | None) -> Use:
    return Use() if row is None else Use(datetime.fromisoformat(row.body["last_used_at"]), row.version)


def unchanged(collection: Collection) -> Check:
    """A guard: the collection is still this one, and nobody began to delete it."""
    return Check(collection_partition(collection.tenant), collection.name, collection.version)


def unused_since(collection: Collection, use: Use) -> Check:
    """A guard: no use was noted since `use` was read."""
    return Check(use_partition(collection.tenant), collection.resource, use.version or "absent")


def marker_row() -> Row:
    """There from the first create on: without it a registry holds nothing because it was lost, or is new."""
    return Row(*MARKER)


def tombstone_row(collection: Collection, now: datetime) -> Row:
    """Whatever shows under the resource from then on is nobody's, for certain."""
    body = {"tenant": collection.tenant, "name": collection.name}
    return Row(GONE, collection.resource, body, expires_at=now + timedelta(days=TOMBSTONE_DAYS))


def writer_row(resource: str, holder: str, until: datetime) -> Row:
    """Only one can be there: whoever puts it where there is none is alone with the collection until then."""
    return Row(WRITERS, resource, {"holder": holder}, expires_at=until)


def gone(collection: Collection, now: datetime) -> tuple[Action, ...]:
    """What removes every row of a collection, together, and tells of it for a while."""
    return (
        Put(tombstone_row(collection, now)),
        Delete(collection_partition(collection.tenant), collection.name, collection.version),
        Delete(index_partition(collection.tenant), collection.resource),
        Delete(use_partition(collection.tenant), collection.resource),
    )
