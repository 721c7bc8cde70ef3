from llmanager.history.entities import Chat
from llmanager.history.errors import ChatNotFound
from llmanager.history.rows import chat_partition, to_chat
from llmanager.kernel.table import Table


def find_chat(table: Table, *, tenant: str, chat_id: str) -> Chat:
    """Raises ChatNotFound."""
    row = table.get(chat_partition(tenant), chat_id)
    if row is None:
        raise ChatNotFound
    return to_chat(row)
