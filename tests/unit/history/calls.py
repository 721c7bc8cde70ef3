"""History as one tenant calls it, and what a test needs to look behind it."""

import itertools

from llmanager.history.entities import NewMessage
from llmanager.history.usecases.append import append_messages
from llmanager.history.usecases.delete import delete_chat
from llmanager.history.usecases.get import get_messages
from llmanager.history.usecases.list import list_chats
from llmanager.history.usecases.new import new_chat
from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable


class History:
    """The use cases as one tenant calls them."""

    def __init__(self, table: FakeTable, clock: FakeClock, tenant: str = "acme") -> None:
        numbers = itertools.count()
        self.table = table
        self.clock = clock
        self.tenant = tenant
        self.new_id = lambda: f"{next(numbers):016}"

    def new(self, *texts: str, **fields):
        return new_chat(
            self.table, tenant=self.tenant, messages=said(*texts), now=self.clock.now(), new_id=self.new_id, **fields
        ).id

    def append(self, chat_id: str, *texts: str):
        append_messages(
            self.table,
            tenant=self.tenant,
            chat_id=chat_id,
            messages=said(*texts),
            now=self.clock.now(),
            new_id=self.new_id,
        )

    def texts(self, chat_id: str) -> list[str]:
        page = get_messages(self.table, tenant=self.tenant, chat_id=chat_id, limit=200)
        assert page.cursor is None
        return [message.content for message in page.items]

    def delete(self, chat_id: str) -> None:
        delete_chat(self.table, tenant=self.tenant, chat_id=chat_id)

    def titles(self) -> list[str]:
        return [chat.title for chat in list_chats(self.table, tenant=self.tenant, limit=200).items]


def said(*texts: str) -> list[NewMessage]:
    return [NewMessage("user", text) for text in texts]


def rows_left(table: FakeTable) -> list[tuple[str, str]]:
    return [(row.partition, row.sort) for row in table.scan(limit=1000).rows]


def refused(error: Exception):
    """As a table's hook: the write takes place, its answer does not come, or comes as this error."""

    def hook(_) -> None:
        raise error

    return hook
