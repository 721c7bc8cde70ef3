from llmanager.auth.entities import ApiKey
from llmanager.auth.rows import key_partition, to_key
from llmanager.kernel.pages import Page, from_cursor, to_cursor
from llmanager.kernel.table import Table


def list_keys(table: Table, *, tenant: str, limit: int, cursor: str | None = None) -> Page[ApiKey]:
    """A tenant's keys, newest first, revoked and expired ones too. Raises InvalidInput for a foreign cursor."""
    page = table.query(key_partition(tenant), after=from_cursor(cursor), limit=limit, newest_first=True)
    return Page(tuple(to_key(row) for row in page.rows), to_cursor(page.next_after))
