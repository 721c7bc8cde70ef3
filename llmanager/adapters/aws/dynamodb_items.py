"""How a row lies in DynamoDB: keys, attributes, conditions, the stretch of a query. Pure.

attribute    type  holds
pk, sk       S     the keys; DynamoDB refuses empty ones, so '' is '\\\\0', and what begins with '\\\\0' gets one more
body         S     the row's JSON, its "value" as last put
count        N     "value", where it is a number that DynamoDB can add to: it overrules the one in `body`
version      N     random, so that it never comes back, not even after delete and re-create
expires_at   N     whole seconds, rounded up: when DynamoDB may remove the item (some time later it does)
expires_us   N     the exact end in microseconds: from then on every read and condition takes the row as absent
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from llmanager.kernel.table import Expect, Row
from llmanager.kernel.table_rules import decoded, end_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MAX_COUNT = 10**18  # DynamoDB's numbers have 38 digits, some emulators' 28: there is room for many more additions

UNEXPIRED = "(attribute_not_exists(expires_us) OR expires_us > :now)"
ABSENT = "attribute_not_exists(pk) OR expires_us <= :now"
PRESENT = f"attribute_exists(pk) AND {UNEXPIRED}"
SAME_VERSION = f"version = :expected AND {UNEXPIRED}"
COUNTS = f"attribute_not_exists(pk) OR (attribute_exists(#count) AND {UNEXPIRED})"

Item = Mapping[str, Mapping[str, Any]]


def new_version() -> int:
    """One of 2**62: a billion writes of one row have fewer repeats than a disk has silent errors."""
    return secrets.randbelow(2**62) + 1


def key(partition: str, sort: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": _held(partition)}, "sk": {"S": _held(sort)}}


def item_of(row: Row, body: bytes, version: int) -> dict[str, dict[str, str]]:
    item = key(row.partition, row.sort) | {"body": {"S": body.decode()}, "version": number(version)}
    if can_count(row.body.get("value")):
        item["count"] = number(row.body["value"])
    if row.expires_at is not None:
        item |= expiry(row.expires_at)
    return item


def row_of(item: Item) -> Row:
    body = decoded(item["body"]["S"].encode()) if "body" in item else {}
    if "count" in item:
        body["value"] = int(item["count"]["N"])
    ends_us = item.get("expires_us")
    return Row(
        _told(item["pk"]["S"]),
        _told(item["sk"]["S"]),
        body,
        int(item["version"]["N"]),
        None if ends_us is None else EPOCH + int(ends_us["N"]) * MICROSECOND,
    )


def expiry(at: datetime) -> dict[str, dict[str, str]]:
    ends_us = micros(at)
    return {"expires_at": number(-(-ends_us // 1_000_000)), "expires_us": number(ends_us)}


def number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def micros(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def can_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < MAX_COUNT


def condition(expect: Expect, now: datetime) -> dict[str, Any]:
    """What to add to a request so that it holds only then; nothing for "any"."""
    values = {":now": number(micros(now))}
    match expect:
        case "any":
            return {}
        case "absent":
            text = ABSENT
        case "present":
            text = PRESENT
        case version:
            text = SAME_VERSION
            values[":expected"] = number(version)
    return {
        "ConditionExpression": text,
        "ExpressionAttributeValues": values,
    }


def count(amount: int, expires_at: datetime | None, now: datetime) -> dict[str, Any]:
    """An addition that holds only for a live row that can count, or none at all."""
    values = {":amount": number(amount), ":version": number(new_version()), ":now": number(micros(now))}
    assignments = ["version = :version"]
    for name, value in (expiry(expires_at) if expires_at else {}).items():
        assignments.append(f"{name} = :{name}")
        values[f":{name}"] = value
    return {
        "UpdateExpression": f"SET {', '.join(assignments)} ADD #count :amount",
        "ConditionExpression": COUNTS,
        "ExpressionAttributeNames": {"#count": "count"},
        "ExpressionAttributeValues": values,
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


@dataclass(frozen=True)
class Stretch:
    """Of a partition's sort keys: both ends belong to it; reading starts behind `start` if there is one."""

    low: str
    high: str | None
    start: str | None

    def request(self, partition: str) -> dict[str, Any]:
        values = {":pk": _held(partition), ":low": _held(self.low)}
        where = "pk = :pk AND sk >= :low"
        if self.high is not None:
            where, values[":high"] = "pk = :pk AND sk BETWEEN :low AND :high", _held(self.high)
        request: dict[str, Any] = {
            "KeyConditionExpression": where,
            "ExpressionAttributeValues": {name: {"S": text} for name, text in values.items()},
        }
        if self.start is not None:
            request["ExclusiveStartKey"] = key(partition, self.start)
        return request


def stretch(prefix: str, after: str | None, until: str | None, *, newest_first: bool) -> Stretch | None:
    """Where to read; None where there can be nothing. Its upper end may be a key too many: look at the prefix."""
    lower, upper = (until, after) if newest_first else (after, until)
    low = max(prefix, lower or "")
    high = min((text for text in (end_of(prefix), upper) if text is not None), default=None)
    start = after if after is not None and after == (high if newest_first else low) else None
    if high is not None and (low > high or (low == high and start is not None)):
        return None
    return Stretch(low, high, start)


def _held(text: str) -> str:
    return f"\0{text}" if text == "" or text[0] == "\0" else text


def _told(held: str) -> str:
    return held.removeprefix("\0")
