"""Emulated accounts for tests, and the things in them as infra makes them."""

import functools
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from moto import mock_aws

from llmanager.adapters.aws.clients import ServiceClients
from tests import ministack as emulator


@contextmanager
def moto() -> Iterator[ServiceClients]:
    """An account within this process, empty."""
    with mock_aws(), environment(emulator.CREDENTIALS):
        yield _clients("moto")


@contextmanager
def ministack() -> Iterator[ServiceClients]:
    """An account behind HTTP, the same for all tests of a run: make what you need under names of your own."""
    with environment(emulator.shared().environment):
        yield _clients("ministack")


@functools.cache
def _clients(_: str) -> ServiceClients:
    """Made once, for that takes a while."""
    return ServiceClients()


class OneAtATime:
    """A client whose calls wait for each other: moto loses updates where two requests come in at once."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                return found(*args, **kwargs)

        return call


def make_table(client: Any, name: str) -> None:
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
    )


def make_bucket(client: Any, name: str) -> None:
    client.create_bucket(Bucket=name)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """With no other setting of AWS."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
