from contextlib import suppress

from llmanager.history.errors import ChatNotFound
from llmanager.history.rows import chat_partition, tombstone_row
from llmanager.history.usecases.sweep import finish_delete
from llmanager.kernel.errors import Conflict, Retryable
from llmanager.kernel.table import Delete, Put, Table


def delete_chat(table: Table, *, tenant: str, chat_id: str) -> None:
    """The chat reads as absent from the first write on; its messages go next. Raises ChatNotFound.

    What cannot be removed now is removed by `sweep_chats`.
    """
    try:
        table.transact([Delete(chat_partition(tenant), chat_id, "present"), Put(tombstone_row(tenant, chat_id))])
    except Conflict as conflict:
        raise ChatNotFound from conflict
    with suppress(Retryable):
        finish_delete(table, tenant=tenant, chat_id=chat_id)
