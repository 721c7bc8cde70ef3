"""The Table port on DynamoDB: one DynamoDB table for each Table, with `pk`, `sk` and the TTL attribute `expires_at`.

One round trip each: get, put, delete, transact and add (a few more where the counter has to begin anew); query and scan
take one for each megabyte. A query or scan that runs beside a transaction may see one row of it changed and another one
not yet: DynamoDB reads those row by row. After its answer everybody sees all of it.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from llmanager.adapters.aws import dynamodb_items as items
from llmanager.adapters.aws.dynamodb_errors import ConditionFailed, busy, no_answer, of_dynamodb, tried
from llmanager.adapters.aws.errors import translated
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import Conflict
from llmanager.kernel.table import Action, Check, Delete, Expect, Put, Row, RowPage, ScanPage
from llmanager.kernel.table_rules import (
    added,
    check,
    check_expiry,
    conflict,
    decoded,
    encoded,
    encoded_actions,
    is_live,
)

CONTENDERS = 50  # who may be quicker, in a row, with a counter that has to begin anew

_WHAT = {
    "get_item": "read a row",
    "query": "read rows",
    "scan": "read rows",
    "put_item": "write a row",
    "delete_item": "delete a row",
    "update_item": "count",
    "transact_write_items": "write rows",
}


class DynamoDBTable:
    """`client` is a low-level client that repeats nothing by itself: what may be repeated, and how, is known here."""

    def __init__(self, client: Any, name: str, clock: Clock, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._name = name
        self._clock = clock
        self._pause = pause

    def get(self, partition: str, sort: str) -> Row | None:
        answer = self._read("get_item", Key=items.key(partition, sort))
        return next(self._live([answer["Item"]]), None) if "Item" in answer else None

    def put(self, row: Row, expect: Expect = "any") -> Row:
        check_expiry(row.expires_at)
        return self._put(row, encoded(row.body), expect)

    def delete(self, partition: str, sort: str, expect: Expect = "any") -> None:
        def act(unanswered: bool) -> None:
            condition = items.condition(expect, self._clock.now())
            try:
                self._ask("delete_item", TableName=self._name, Key=items.key(partition, sort), **condition)
            except ConditionFailed:
                raise (no_answer() if unanswered else conflict()) from None  # unanswered: it may have been us

        tried(act, self._pause)

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        after: str | None = None,
        until: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> RowPage:
        where = items.stretch(prefix, after, until, newest_first=newest_first)
        if where is None:
            return RowPage(())
        request = where.request(partition) | {"ScanIndexForward": not newest_first, "Limit": limit + 1}
        wanted = (row for row in self._rows("query", request) if row.sort.startswith(prefix))
        rows = tuple(islice(wanted, limit + 1))
        return RowPage(rows[:limit], rows[limit - 1].sort if len(rows) > limit else None)

    def scan(self, *, after: tuple[str, str] | None = None, limit: int = 100) -> ScanPage:
        start = {} if after is None else {"ExclusiveStartKey": items.key(*after)}
        rows = tuple(islice(self._rows("scan", {"Limit": limit + 1, **start}), limit + 1))
        last = rows[limit - 1] if len(rows) > limit else None
        return ScanPage(rows[:limit], (last.partition, last.sort) if last else None)

    def transact(self, actions: Sequence[Action]) -> tuple[Row | None, ...]:
        steps = list(zip(actions, encoded_actions(actions), strict=True))
        if len(steps) == 1:
            return (self._alone(*steps[0]),)
        now, requests = self._clock.now(), []
        written: list[Row | None] = []
        for action, body in steps:
            version = items.new_version()
            written.append(_written(action.row, body, version) if isinstance(action, Put) and body else None)
            if not (isinstance(action, Check) and action.expect == "any"):
                requests.append(self._step(action, body, version, now))
        if requests:
            token = secrets.token_hex(16)  # with it, a repetition of what took effect is answered as the first was
            request = {"TransactItems": requests, "ClientRequestToken": token}
            tried(lambda _: self._ask("transact_write_items", **request), self._pause)
        return tuple(written)

    def add(self, partition: str, sort: str, amount: int = 1, *, expires_at: datetime | None = None) -> int:
        check_expiry(expires_at)
        for _ in range(CONTENDERS):
            try:
                if items.can_count(amount):
                    return self._count(partition, sort, amount, expires_at)
                old = self.get(partition, sort)
            except ConditionFailed as failed:
                old = failed.row if failed.row and is_live(failed.row, self._clock.now()) else None
            row = added(old or Row(partition, sort), amount, expires_at)
            try:
                self.put(row, old.version if old else "absent")
            except Conflict:
                continue
            value: int = row.body["value"]
            return value
        raise busy()

    def _put(self, row: Row, body: bytes, expect: Expect) -> Row:
        """Each try has a version of its own, so that an earlier one, if it took effect, is known by it."""
        versions: list[int] = []

        def act(unanswered: bool) -> int:
            versions.append(items.new_version())
            item = items.item_of(row, body, versions[-1])
            condition = items.condition(expect, self._clock.now())
            told = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"} if condition else {}
            try:
                self._ask("put_item", TableName=self._name, Item=item, **condition, **told)
            except ConditionFailed as failed:
                if failed.row is not None and failed.row.version in versions:
                    return failed.row.version
                raise (no_answer() if unanswered else conflict()) from None  # unanswered: ours may have been there
            return versions[-1]

        return _written(row, body, tried(act, self._pause))

    def _alone(self, action: Action, body: bytes | None) -> Row | None:
        match action:
            case Put(row, expect) if body is not None:
                return self._put(row, body, expect)
            case Delete(partition, sort, expect):
                self.delete(partition, sort, expect)
            case Check(partition, sort, expect):
                found = self.get(partition, sort)
                check(expect, found.version if found else None)
        return None

    def _step(self, action: Action, body: bytes | None, version: int, now: datetime) -> dict[str, Any]:
        rest = {"TableName": self._name, **items.condition(action.expect, now)}
        match action:
            case Put(row) if body is not None:
                return {"Put": {"Item": items.item_of(row, body, version), **rest}}
            case Delete(partition, sort):
                return {"Delete": {"Key": items.key(partition, sort), **rest}}
            case Check(partition, sort):
                return {"ConditionCheck": {"Key": items.key(partition, sort), **rest}}
        raise AssertionError(action)

    def _count(self, partition: str, sort: str, amount: int, expires_at: datetime | None) -> int:
        def act(_: bool) -> Mapping[str, Any]:
            request = items.count(amount, expires_at, self._clock.now())
            return self._ask("update_item", TableName=self._name, Key=items.key(partition, sort), **request)

        return int(tried(act, self._pause)["Attributes"]["count"]["N"])

    def _rows(self, operation: str, request: Mapping[str, Any]) -> Iterator[Row]:
        """Live ones, in DynamoDB's order, read page by page as they are asked for."""
        start: Mapping[str, Any] = {}
        while True:
            answer = self._read(operation, **{**request, **start})
            yield from self._live(answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _live(self, found: Sequence[items.Item]) -> Iterator[Row]:
        now = self._clock.now()
        return (row for row in map(items.row_of, found) if is_live(row, now))

    def _read(self, operation: str, **request: Any) -> Mapping[str, Any]:
        request |= {"TableName": self._name, "ConsistentRead": True}
        return tried(lambda _: self._ask(operation, **request), self._pause)

    def _ask(self, operation: str, **request: Any) -> Mapping[str, Any]:
        with translated(_WHAT[operation], of_dynamodb):
            answer: Mapping[str, Any] = getattr(self._client, operation)(**request)
        return answer


def _written(row: Row, body: bytes, version: int) -> Row:
    expires_at = row.expires_at and row.expires_at.astimezone(UTC)
    return replace(row, body=decoded(body), version=version, expires_at=expires_at)
