from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from llmanager.history.entities import Chat, NewMessage, Scalar
from llmanager.history.limits import check_messages, check_metadata
from llmanager.history.retries import retried
from llmanager.history.rows import chat_row, counter_row, message_rows
from llmanager.kernel.ids import NewId, time_ordered_id
from llmanager.kernel.table import Put, Table


def new_chat(
    table: Table,
    *,
    tenant: str,
    messages: Sequence[NewMessage],
    title: str = "",
    metadata: Mapping[str, Scalar] | None = None,
    ttl_s: int | None = None,
    now: datetime,
    new_id: NewId,
) -> Chat:
    """A chat with its first messages, all or nothing.

    Raises TooManyMessages, MessageTooLarge, MessagesTooLarge, MetadataTooLarge.
    """
    check_messages(messages)
    check_metadata(metadata or {})
    expires_at = None if ttl_s is None else now + timedelta(seconds=ttl_s)
    chat = Chat(tenant, time_ordered_id(now, new_id), now, title, metadata or {}, expires_at)
    rows = message_rows(chat, messages, first_seq=1, at=now, new_id=new_id)
    # No condition: the id is ours alone, so a second try writes the same rows again.
    actions = [Put(row) for row in (chat_row(chat), counter_row(chat, len(rows)), *rows)]
    retried(lambda: table.transact(actions))
    return chat
