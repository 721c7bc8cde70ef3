"""Vector databases between wire and use cases."""

from contextlib import suppress

from llmanager.kernel.errors import InvalidInput
from llmanager.kernel.pages import Page
from llmanager.vdb.entities import Collection, Hit, Item, Metric, Vectors
from llmanager.vdb.errors import CollectionNotFound
from llmanager.vdb.lifecycle import status
from llmanager.vdb.limits import packed
from llmanager.vdb.rows import Key
from llmanager.vdb.usecases.add import Entry
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.create import Creation
from llmanager.vdb.usecases.status import Standing, measure, standing
from llmanager.wire import vdb as wire


def creation_in(vdbs: Collections, tenant: str, body: wire.CreateVdb) -> Creation:
    """Raises InvalidInput for a store that this platform does not have."""
    if body.store not in (None, vdbs.store_name):
        raise InvalidInput(f"Vectors are kept in {vdbs.store_name} here. Leave 'store' out.", param="store")
    return Creation(
        tenant=tenant,
        name=body.name,
        model=body.model,
        dim=body.dim,
        metric=Metric(body.metric),
        has_text=body.hybrid,
        sleep_after_s=body.sleep_after_s,
        delete_after_s=body.delete_after_s,
        ttl_s=body.ttl_s,
    )


def entries_in(body: wire.AddItems) -> tuple[list[Entry], Vectors | None]:
    """Raises InvalidInput where the vectors are no matrix."""
    vectors = packed(body.vectors) if body.vectors else None
    if body.documents is not None:
        return [_entry(document.content, document.metadata, document.id) for document in body.documents], vectors
    empty = [None] * body.count
    parts = zip(body.texts or [""] * body.count, body.metadata or [{}] * body.count, body.ids or empty, strict=True)
    return [_entry(text, metadata, id_) for text, metadata, id_ in parts], vectors


def plan_view(vdbs: Collections, collection: Collection) -> wire.Planned:
    size = "as many dimensions as the first vectors have" if collection.dim is None else f"{collection.dim} dimensions"
    texts = "with" if collection.has_text else "without"
    made = f"make an index of {size}, by {collection.metric}, {texts} searchable texts"
    return wire.Planned(plan=wire.Plan(actions=(made,), store=vdbs.store_name, usd_per_hour="0", usd_per_month="0"))


def status_view(vdbs: Collections, key: Key) -> wire.VdbStatus:
    """Wakes nothing and is no use. Raises CollectionNotFound."""
    found = standing(vdbs, vdbs.require(key))
    size = measure(vdbs, found)
    return wire.VdbStatus(
        **dict(_vdb(vdbs, found)),
        count=size.count,
        bytes=size.index_bytes + size.segment_bytes,
        segments=size.segments,
        events=[wire.Event(at=e.at, what=e.what, why=e.why) for e in found.events],
    )


def list_view(vdbs: Collections, tenant: str, body: wire.ListVdbs) -> wire.VdbList:
    page = vdbs.page(tenant, limit=body.limit, cursor=body.cursor)
    found = []
    for collection in page.items:
        with suppress(CollectionNotFound):  # deleted since the page was read
            found.append(_vdb(vdbs, standing(vdbs, collection)))
    return wire.VdbList(vdbs=found, cursor=page.cursor)


def results_view(hits: tuple[Hit, ...]) -> wire.Results:
    results = [wire.Result(score=hit.score, **dict(_item(hit.item))) for hit in hits]
    return wire.Results(data=[result.text for result in results], results=results)


def items_view(items: Page[Item]) -> wire.ItemList:
    return wire.ItemList(items=[_item(item) for item in items.items], cursor=items.cursor)


def _entry(text: str, metadata: wire.Metadata, id_: str | None) -> Entry:
    source = metadata.get("source")
    return Entry(text, metadata, id_, source if isinstance(source, str) else "")


def _item(item: Item) -> wire.Item:
    return wire.Item(id=item.id, text=item.text, metadata=dict(item.metadata), source=item.source)


def _vdb(vdbs: Collections, found: Standing) -> wire.Vdb:
    collection = found.collection
    return wire.Vdb(
        name=collection.name,
        status=status(found.index),
        is_up=found.index.is_up,
        dim=collection.dim,
        metric=collection.metric,
        model=collection.model,
        hybrid=collection.has_text,
        store=vdbs.store_name,
        created_at=collection.created_at,
        last_used_at=found.last_used_at,
        sleeps_at=found.sleeps_at,
        deletes_at=found.deletes_at,
        expires_at=found.expires_at,
    )
