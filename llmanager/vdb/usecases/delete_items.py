from collections.abc import Iterator, Sequence

from llmanager.vdb.entities import MAX_ITEMS_AT_ONCE, Collection, Item, Write
from llmanager.vdb.filters import Filter, matches
from llmanager.vdb.limits import check_filter
from llmanager.vdb.rows import Key
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.read import get_items
from llmanager.vdb.usecases.restore import answered
from llmanager.vdb.usecases.write import write

READ_AT_ONCE = 100  # items, for their texts may be long


def delete_items(vdbs: Collections, key: Key, ids: Sequence[str]) -> int:
    """How many of them there were. All or nothing. Raises CollectionNotFound, InvalidInput, WriteTooLarge."""
    wanted = tuple(dict.fromkeys(ids))
    pieces = (wanted[start : start + READ_AT_ONCE] for start in range(0, len(wanted), READ_AT_ONCE))
    there = tuple(found.item.id for piece in pieces for found in get_items(vdbs, key, piece))
    write(vdbs, key, Write(deleted_ids=there))
    return len(there)


def delete_matching(vdbs: Collections, key: Key, where: Filter) -> int:
    """Reads every item; deletes in writes of MAX_ITEMS_AT_ONCE, each all or nothing. Safe to repeat.

    Raises CollectionNotFound, UnknownField, InvalidInput.
    """

    def check(collection: Collection) -> bool:
        check_filter(where, vdbs.store.fields(collection.resource))
        return True

    deleted = 0
    doomed: list[str] = []
    for item in _every_item(vdbs, key) if answered(vdbs, key, check, empty=False) else ():
        if matches(where, item.metadata):
            doomed.append(item.id)
        if len(doomed) == MAX_ITEMS_AT_ONCE:
            deleted += delete_items(vdbs, key, doomed)
            doomed = []
    return deleted + delete_items(vdbs, key, doomed)


def _every_item(vdbs: Collections, key: Key) -> Iterator[Item]:
    after = ""
    while True:

        def ask(collection: Collection, after: str = after) -> tuple[Item, ...]:
            return vdbs.store.list(collection.resource, after=after, limit=READ_AT_ONCE)

        page: tuple[Item, ...] = answered(vdbs, key, ask, empty=())
        yield from page
        if len(page) < READ_AT_ONCE:
            return
        after = page[-1].id
