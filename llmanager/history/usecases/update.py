from collections.abc import Mapping
from dataclasses import replace

from llmanager.history.entities import Chat, Scalar
from llmanager.history.errors import ChatNotFound
from llmanager.history.limits import check_metadata
from llmanager.history.retries import retried
from llmanager.history.rows import chat_partition, chat_row, to_chat
from llmanager.kernel.errors import Conflict, Throttled
from llmanager.kernel.table import Table


def update_chat(
    table: Table,
    *,
    tenant: str,
    chat_id: str,
    title: str | None = None,
    metadata: Mapping[str, Scalar] | None = None,
) -> Chat:
    """Set the title, or replace the metadata, or both; None keeps what is there.

    Raises ChatNotFound, MetadataTooLarge, and Conflict if others change the chat again and again.
    """
    check_metadata(metadata or {})

    def change() -> Chat:
        row = table.get(chat_partition(tenant), chat_id)
        if row is None:
            raise ChatNotFound
        old = to_chat(row)
        chat = replace(
            old,
            title=old.title if title is None else title,
            metadata=old.metadata if metadata is None else metadata,
        )
        table.put(chat_row(chat), expect=row.version)
        return chat

    return retried(change, on=(Conflict, Throttled))
