"""Chats and messages as rows. The one place that knows their keys.

access pattern                    partition               sort
a chat by id                      chat#TENANT             CHAT
a tenant's chats, newest first    chat#TENANT             (all, backward: ids begin with their time)
a chat's messages, tail, forward  message#TENANT#CHAT     SEQ, 12 digits
a chat's sequence numbers         sequence#TENANT         CHAT     (a counter: Table.add)
chats being deleted               deleted-chat            TENANT#CHAT

Tenants have no '#' in their names. Messages and counters expire with their chat; tombstones never do.
"""

import json
from collections.abc import Sequence
from datetime import datetime

from llmanager.history.entities import Chat, Message, NewMessage
from llmanager.kernel.ids import NewId
from llmanager.kernel.table import Row

TOMBSTONES = "deleted-chat"


def chat_partition(tenant: str) -> str:
    return f"chat#{tenant}"


def message_partition(tenant: str, chat_id: str) -> str:
    return f"message#{tenant}#{chat_id}"


def sequence_partition(tenant: str) -> str:
    return f"sequence#{tenant}"


def seq_key(seq: int) -> str:
    return f"{seq:012}"


def chat_row(chat: Chat) -> Row:
    body = {
        "title": chat.title,
        "metadata": json.dumps(dict(chat.metadata)),  # as text, because rows keep no floats
        "created_at": chat.created_at.isoformat(),
    }
    return Row(chat_partition(chat.tenant), chat.id, body, expires_at=chat.expires_at)


def to_chat(row: Row) -> Chat:
    return Chat(
        tenant=row.partition.removeprefix("chat#"),
        id=row.sort,
        created_at=datetime.fromisoformat(row.body["created_at"]),
        title=row.body["title"],
        metadata=json.loads(row.body["metadata"]),
        expires_at=row.expires_at,
    )


def message_rows(
    chat: Chat, messages: Sequence[NewMessage], *, first_seq: int, at: datetime, new_id: NewId
) -> list[Row]:
    """One row each, in their order."""
    return [
        Row(
            message_partition(chat.tenant, chat.id),
            seq_key(seq),
            {"id": new_id(), "role": message.role, "content": message.content, "at": at.isoformat()},
            expires_at=chat.expires_at,
        )
        for seq, message in enumerate(messages, start=first_seq)
    ]


def to_message(row: Row) -> Message:
    body = row.body
    return Message(body["id"], body["role"], body["content"], datetime.fromisoformat(body["at"]), int(row.sort))


def counter_row(chat: Chat, last_seq: int) -> Row:
    return Row(sequence_partition(chat.tenant), chat.id, {"value": last_seq}, expires_at=chat.expires_at)


def tombstone_row(tenant: str, chat_id: str) -> Row:
    return Row(TOMBSTONES, f"{tenant}#{chat_id}", {"tenant": tenant, "chat_id": chat_id})
