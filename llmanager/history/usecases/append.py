from collections.abc import Sequence
from datetime import datetime

from llmanager.history.entities import Chat, NewMessage
from llmanager.history.errors import ChatNotFound
from llmanager.history.limits import check_messages
from llmanager.history.retries import retried
from llmanager.history.rows import chat_partition, message_rows, sequence_partition
from llmanager.history.usecases.find import find_chat
from llmanager.kernel.errors import Conflict
from llmanager.kernel.ids import NewId
from llmanager.kernel.table import Action, Check, Put, Table


def append_messages(
    table: Table, *, tenant: str, chat_id: str, messages: Sequence[NewMessage], now: datetime, new_id: NewId
) -> Chat:
    """Add messages at the end, all or nothing and side by side. Concurrent appends are all kept.

    Raises ChatNotFound (also when the chat is deleted meanwhile; then nothing is left behind), TooManyMessages,
    MessageTooLarge, MessagesTooLarge.
    """
    check_messages(messages)
    chat = find_chat(table, tenant=tenant, chat_id=chat_id)
    last_seq = retried(  # a number that is lost is a gap
        lambda: table.add(sequence_partition(tenant), chat_id, len(messages), expires_at=chat.expires_at)
    )
    rows = message_rows(chat, messages, first_seq=last_seq - len(messages) + 1, at=now, new_id=new_id)
    # The rows need no condition: their numbers are ours alone, so a second try writes the same again.
    actions: list[Action] = [Check(chat_partition(tenant), chat_id, "present"), *(Put(row) for row in rows)]
    try:
        retried(lambda: table.transact(actions))
    except Conflict as conflict:
        table.delete(sequence_partition(tenant), chat_id)  # our `add` may have made the counter anew
        raise ChatNotFound from conflict
    return chat
