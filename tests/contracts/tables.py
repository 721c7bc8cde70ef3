"""Every Table there is, ready for the conformance suite. A new adapter adds its line."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from llmanager.adapters.aws.dynamodb_table import DynamoDBTable
from llmanager.adapters.local.sqlite_table import SQLiteStore
from llmanager.kernel.clock import Clock
from llmanager.kernel.table import Table
from tests import aws
from tests.fakes.table import FakeTable

_names = (f"things-{n}" for n in itertools.count())


@contextmanager
def fake(clock: Clock, folder: Path) -> Iterator[Table]:
    yield FakeTable(clock)


@contextmanager
def sqlite(clock: Clock, folder: Path) -> Iterator[Table]:
    with closing(SQLiteStore(folder / "rows.db", clock)) as store:
        yield store.table("things")


@contextmanager
def dynamodb_moto(clock: Clock, folder: Path) -> Iterator[Table]:
    with aws.moto() as clients:
        yield _dynamodb(aws.OneAtATime(clients.dynamodb), clock)


@contextmanager
def dynamodb_ministack(clock: Clock, folder: Path) -> Iterator[Table]:
    with aws.ministack() as clients:
        yield _dynamodb(clients.dynamodb, clock)


def _dynamodb(client: Any, clock: Clock) -> Table:
    name = next(_names)
    aws.make_table(client, name)
    return DynamoDBTable(client, name, clock)


ADAPTERS: dict[str, Callable[[Clock, Path], AbstractContextManager[Table]]] = {
    "fake": fake,
    "sqlite": sqlite,
    "dynamodb-moto": dynamodb_moto,
    "dynamodb-ministack": dynamodb_ministack,
}
