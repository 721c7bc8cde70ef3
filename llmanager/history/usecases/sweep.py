from functools import partial

from llmanager.history.retries import retried
from llmanager.history.rows import TOMBSTONES, message_partition, sequence_partition, tombstone_row
from llmanager.kernel.table import MAX_ACTIONS, Delete, Table


def sweep_chats(table: Table, *, limit: int = 100) -> int:
    """Finish deletes that were interrupted, of all tenants; how many chats. Run it now and then."""
    tombstones = table.query(TOMBSTONES, limit=limit).rows
    for tombstone in tombstones:
        finish_delete(table, tenant=tombstone.body["tenant"], chat_id=tombstone.body["chat_id"])
    return len(tombstones)


def finish_delete(table: Table, *, tenant: str, chat_id: str) -> None:
    """Remove what a deleted chat leaves, the tombstone last. Nothing can be appended any more; safe to repeat."""
    after: str | None = None
    is_done = False
    while not is_done:
        page = table.query(message_partition(tenant, chat_id), after=after, limit=MAX_ACTIONS)
        retried(partial(table.transact, [Delete(row.partition, row.sort) for row in page.rows]))
        after, is_done = page.next_after, page.next_after is None
    table.delete(sequence_partition(tenant), chat_id)
    tombstone = tombstone_row(tenant, chat_id)
    table.delete(tombstone.partition, tombstone.sort)
