from llmanager.history.entities import Chat
from llmanager.history.rows import chat_partition, to_chat
from llmanager.kernel.pages import Page, from_cursor, to_cursor
from llmanager.kernel.table import Table


def list_chats(table: Table, *, tenant: str, limit: int, cursor: str | None = None) -> Page[Chat]:
    """A tenant's chats, the newest first. Raises InvalidInput for a cursor that no list gave out."""
    page = table.query(chat_partition(tenant), after=from_cursor(cursor), limit=limit, newest_first=True)
    return Page(tuple(map(to_chat, page.rows)), to_cursor(page.next_after))
