"""Every Table there is, ready for the conformance suite. A new adapter adds its line."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from llmanager.adapters.local.sqlite_table import SQLiteStore
from llmanager.kernel.clock import Clock
from llmanager.kernel.table import Table
from tests.fakes.table import FakeTable


@contextmanager
def fake(clock: Clock, folder: Path) -> Iterator[Table]:
    yield FakeTable(clock)


@contextmanager
def sqlite(clock: Clock, folder: Path) -> Iterator[Table]:
    with closing(SQLiteStore(folder / "rows.db", clock)) as store:
        yield store.table("things")


ADAPTERS: dict[str, Callable[[Clock, Path], AbstractContextManager[Table]]] = {"fake": fake, "sqlite": sqlite}
