"""Entities as rows' bodies: every field but `version`, which is the row's own."""

from typing import Any, TypeVar

import msgspec

from llmanager.kernel.table import Row

T = TypeVar("T")


def body_of(entity: object) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(entity)
    del body["version"]
    return body


def entity_in(row: Row, kind: type[T]) -> T:
    return msgspec.convert({**row.body, "version": row.version}, kind)
