"""Items by id and by page. Both are use, as a query is."""

from collections.abc import Sequence

from llmanager.kernel.pages import Page, from_cursor, to_cursor
from llmanager.vdb.entities import MAX_ITEMS_AT_ONCE, Collection, Found, Item
from llmanager.vdb.errors import WriteTooLarge
from llmanager.vdb.limits import check_id
from llmanager.vdb.rows import Key
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.restore import answered

MAX_PAGE_CHARACTERS = 4_000_000


def get_items(vdbs: Collections, key: Key, ids: Sequence[str]) -> tuple[Found, ...]:
    """Those that are there, in the order asked for. Raises CollectionNotFound, InvalidInput."""
    if len(ids) > MAX_ITEMS_AT_ONCE:
        raise WriteTooLarge(f"There are {len(ids)} ids; at most {MAX_ITEMS_AT_ONCE} are looked up at once.")
    for number, id_ in enumerate(ids):
        check_id(id_, f"ids.{number}")

    def ask(collection: Collection) -> tuple[Found, ...]:
        return vdbs.store.get(collection.resource, ids)

    return answered(vdbs, key, ask, empty=())


def list_items(vdbs: Collections, key: Key, *, limit: int, cursor: str | None = None) -> Page[Item]:
    """By id. A page may be short; only the last one has no cursor. Raises InvalidInput for a cursor that is none."""
    after = from_cursor(cursor) or ""

    def ask(collection: Collection) -> tuple[Item, ...]:
        return vdbs.store.list(collection.resource, after=after, limit=limit + 1)

    found: tuple[Item, ...] = answered(vdbs, key, ask, empty=())
    taken: list[Item] = []
    characters = 0
    for item in found[:limit]:
        characters += len(item.text)
        if taken and characters > MAX_PAGE_CHARACTERS:
            break
        taken.append(item)
    return Page(tuple(taken), to_cursor(taken[-1].id) if len(taken) < len(found) else None)
