"""Every Table there is, ready for the conformance suite. A new adapter adds its line."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from llmanager.kernel.clock import Clock
from llmanager.kernel.table import Table
from tests.fakes.table import FakeTable


@contextmanager
def fake(clock: Clock, folder: Path) -> Iterator[Table]:
    yield FakeTable(clock)


ADAPTERS: dict[str, Callable[[Clock, Path], AbstractContextManager[Table]]] = {"fake": fake}
