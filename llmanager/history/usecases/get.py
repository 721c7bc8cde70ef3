from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Protocol, TypeVar

from llmanager.history.entities import MAX_PAGE_CHARACTERS, Message
from llmanager.history.rows import message_partition, seq_key, to_message
from llmanager.history.turns import Turn, turns
from llmanager.history.usecases.find import find_chat
from llmanager.kernel.pages import Page, from_cursor, to_cursor
from llmanager.kernel.table import Table

READ_AT_ONCE = 100  # rows


class _Piece(Protocol):
    @property
    def last_seq(self) -> int: ...
    @property
    def characters(self) -> int: ...


P = TypeVar("P", bound=_Piece)


def get_messages(table: Table, *, tenant: str, chat_id: str, limit: int, cursor: str | None = None) -> Page[Message]:
    """Messages from the first on. A page may be short; only the last one has no cursor.

    Raises ChatNotFound, and InvalidInput for a cursor that no page gave out.
    """
    return _page(_forward(table, tenant, chat_id, cursor, limit), limit)


def get_turns(table: Table, *, tenant: str, chat_id: str, limit: int, cursor: str | None = None) -> Page[Turn]:
    """As get_messages, in whole turns: none is cut in two by the end of a page."""
    return _page(turns(_forward(table, tenant, chat_id, cursor, 2 * limit)), limit)


def get_tail(table: Table, *, tenant: str, chat_id: str, limit: int) -> tuple[Message, ...]:
    """The newest messages, oldest first. Raises ChatNotFound."""
    find_chat(table, tenant=tenant, chat_id=chat_id)
    newest = islice(_messages(table, tenant, chat_id, None, limit, newest_first=True), limit)
    return tuple(reversed(list(newest)))


def _forward(table: Table, tenant: str, chat_id: str, cursor: str | None, likely: int) -> Iterator[Message]:
    find_chat(table, tenant=tenant, chat_id=chat_id)
    return _messages(table, tenant, chat_id, from_cursor(cursor), likely + 1, newest_first=False)


def _messages(
    table: Table, tenant: str, chat_id: str, after: str | None, likely: int, *, newest_first: bool
) -> Iterator[Message]:
    """Read as they are asked for; `likely` is how many that will be."""
    while True:
        page = table.query(
            message_partition(tenant, chat_id), after=after, limit=min(likely, READ_AT_ONCE), newest_first=newest_first
        )
        yield from map(to_message, page.rows)
        after = page.next_after
        if after is None:
            return


def _page(pieces: Iterable[P], limit: int) -> Page[P]:
    taken: list[P] = []
    characters = 0
    for piece in pieces:
        characters += piece.characters
        if len(taken) == limit or (taken and characters > MAX_PAGE_CHARACTERS):
            return Page(tuple(taken), to_cursor(seq_key(taken[-1].last_seq)))
        taken.append(piece)
    return Page(tuple(taken))
