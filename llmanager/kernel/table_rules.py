"""What every Table decides alike: JSON bodies, limits, conditions, counters. Pure.

It belongs to the port, and so stands beside it: each adapter and the fake must agree on it, platforms may not import
each other, and what a row may hold is part of what capabilities rely on.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from llmanager.kernel.errors import Conflict, TooLarge
from llmanager.kernel.table import MAX_ACTIONS, MAX_BODY_BYTES, MAX_TRANSACT_BYTES, Action, Expect, Put, Row

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encoded(body: Mapping[str, Any]) -> bytes:
    """The body as compact UTF-8 JSON. Tuples become lists.

    Raises TooLarge, and ValueError for what no table keeps: floats, keys that are not text, lone surrogates.
    """
    _refuse_strangers(body)
    data = _encode(dict(body)).encode()
    if len(data) > MAX_BODY_BYTES:
        raise TooLarge(f"One row has {len(data)} bytes; at most {MAX_BODY_BYTES} are kept. Send less at once.")
    return data


def decoded(data: bytes) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(data.decode())
    return body


def _refuse_strangers(value: Any) -> None:
    """json.dumps would keep floats and turn other keys into text; both read back as something else elsewhere."""
    match value:
        case None | str() | bool() | int():
            return
        case Mapping():
            if not all(isinstance(key, str) for key in value):
                raise ValueError("The keys of a row's body are text.")
            for member in value.values():
                _refuse_strangers(member)
        case list() | tuple():
            for member in value:
                _refuse_strangers(member)
        case _:
            raise ValueError(f"A row's body is JSON without floats; it cannot hold a {type(value).__name__}.")


def encoded_actions(actions: Sequence[Action]) -> tuple[bytes | None, ...]:
    """For each action its encoded body (None but for Put). Raises ValueError, TooLarge."""
    if len(actions) > MAX_ACTIONS:
        raise ValueError(f"One transaction holds at most {MAX_ACTIONS} actions, not {len(actions)}.")
    if len({key_of(action) for action in actions}) < len(actions):
        raise ValueError("One transaction may touch a row only once.")
    for action in actions:
        if isinstance(action, Put):
            check_expiry(action.row.expires_at)
    bodies = tuple(encoded(a.row.body) if isinstance(a, Put) else None for a in actions)
    size = sum(len(body) for body in bodies if body is not None)
    if size > MAX_TRANSACT_BYTES:
        raise TooLarge(
            f"One transaction has {size} bytes; at most {MAX_TRANSACT_BYTES} are taken together. Send less at once."
        )
    return bodies


def key_of(action: Action) -> tuple[str, str]:
    return (action.row.partition, action.row.sort) if isinstance(action, Put) else (action.partition, action.sort)


def check_expiry(expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at.tzinfo is None:
        raise ValueError("A row's expiry needs a time zone.")


def is_live(row: Row, now: datetime) -> bool:
    return row.expires_at is None or row.expires_at > now


def check(expect: Expect, version: int | None) -> None:
    """`version` is that of the live row, None if there is none. Raises Conflict."""
    match expect:
        case "any":
            holds = True
        case "absent":
            holds = version is None
        case "present":
            holds = version is not None
        case wanted:
            holds = version == wanted
    if not holds:
        raise conflict()


def conflict() -> Conflict:
    return Conflict("This was changed by somebody else in the meantime. Read it again, then repeat the change.")


def added(row: Row, amount: int, expires_at: datetime | None) -> Row:
    """The counter row after `add`: an expiry given replaces the old one, None keeps it."""
    check_expiry(expires_at)
    value = row.body.get("value", 0) + amount
    return replace(row, body={**row.body, "value": value}, expires_at=expires_at or row.expires_at)


def end_of(prefix: str) -> str | None:
    """The least text that sorts after every text with this prefix; None if there is none."""
    head = prefix.rstrip("\U0010ffff")
    if not head:
        return None
    after_last = ord(head[-1]) + 1
    return head[:-1] + chr(0xE000 if after_last == 0xD800 else after_last)  # surrogates are no characters
