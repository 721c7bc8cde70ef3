"""The Table port on SQLite: one file, one SQL table for each Table."""

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

from llmanager.adapters.local.sqlite_file import Readers, connect, prepare, translated
from llmanager.adapters.local.sqlite_writer import GroupCommitWriter, Operation, Writing
from llmanager.kernel.clock import Clock
from llmanager.kernel.table import Action, Delete, Expect, Put, Row, RowPage, ScanPage
from llmanager.kernel.table_rules import added, check, decoded, encoded, encoded_actions, end_of, key_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
REMOVE_EVERY_S = 600.0
REMOVE_AFTER = timedelta(hours=1)  # a clock that was set forward by mistake costs no rows within that time
REMOVE_AT_ONCE = 500  # rows in one transaction, so that writers never wait long

READ = """
SELECT partition, sort, version, expires_at, body FROM rows
WHERE name = :name AND (expires_at IS NULL OR expires_at > :now)
"""
READ_ONE = READ + " AND partition = :partition AND sort = :sort"
READ_VERSION = """
SELECT version FROM rows
WHERE name = :name AND partition = :partition AND sort = :sort AND (expires_at IS NULL OR expires_at > :now)
"""
WRITE = "REPLACE INTO rows (name, partition, sort, version, expires_at, body) VALUES (?, ?, ?, ?, ?, ?)"
DELETE = "DELETE FROM rows WHERE name = :name AND partition = :partition AND sort = :sort"
REMOVE_EXPIRED = """
DELETE FROM rows WHERE (name, partition, sort) IN
    (SELECT name, partition, sort FROM rows WHERE expires_at <= ? LIMIT ?)
"""

_Stored = tuple[str, str, int, int | None, bytes]  # partition, sort, version, expires_at, body
_Bound = tuple[str, str]  # comparison, text


class SQLiteStore:
    """One file. Its tables share the writer thread and its group commits; close() it when done.

    Raises StorageTooNew, Unavailable or OutOfSpace when it cannot be opened. Several processes may hold one file.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        prepare(path)
        self._clock = clock
        self._next_removal_s = clock.monotonic_s()
        self._readers = Readers(path)
        with translated():
            self._writer = GroupCommitWriter(connect(path), self._upkeep)

    def table(self, name: str) -> "SQLiteTable":
        return SQLiteTable(name, self._writer, self._readers, self._clock)

    def remove_expired(self) -> int:
        """Take rows that expired long ago off the disk; how many. The writer does so by itself now and then."""
        return self._writer.run(self._remove_expired)

    def close(self) -> None:
        self._writer.close()
        self._readers.close()

    def _upkeep(self) -> Operation[object] | None:
        return self._remove_expired if self._clock.monotonic_s() >= self._next_removal_s else None

    def _remove_expired(self, writing: Writing) -> int:
        now_s = self._clock.monotonic_s()
        self._next_removal_s = now_s + REMOVE_EVERY_S
        long_ago = _micros(self._clock.now() - REMOVE_AFTER)
        removed = writing.execute(REMOVE_EXPIRED, (long_ago, REMOVE_AT_ONCE)).rowcount
        if removed == REMOVE_AT_ONCE:
            self._next_removal_s = now_s  # there may be more: again after the next group
        return removed


class SQLiteTable:
    """Made by SQLiteStore.table. Reads run in the caller's thread, writes in the store's."""

    def __init__(self, name: str, writer: GroupCommitWriter, readers: Readers, clock: Clock) -> None:
        self._name = name
        self._writer = writer
        self._readers = readers
        self._clock = clock

    def get(self, partition: str, sort: str) -> Row | None:
        with self._readers.lend() as connection:
            found = connection.execute(READ_ONE, self._key(partition, sort)).fetchone()
        return _row(found) if found else None

    def put(self, row: Row, expect: Expect = "any") -> Row:
        (written,) = self.transact([Put(row, expect)])
        assert written is not None
        return written

    def delete(self, partition: str, sort: str, expect: Expect = "any") -> None:
        self.transact([Delete(partition, sort, expect)])

    def transact(self, actions: Sequence[Action]) -> tuple[Row | None, ...]:
        steps = list(zip(actions, encoded_actions(actions), strict=True))

        def act(writing: Writing) -> list[_Stored | None]:
            with writing.all_or_nothing() if len(steps) > 1 else nullcontext():
                return [self._act(writing, action, body) for action, body in steps]

        stored = self._writer.run(act) if steps else []
        return tuple(row and _row(row) for row in stored)

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
        bounds = _bounds(prefix, after, until, newest_first)
        where = "".join(f" AND sort {compare} :bound_{n}" for n, (compare, _) in enumerate(bounds))
        values = {f"bound_{n}": text for n, (_, text) in enumerate(bounds)}
        order = "DESC" if newest_first else "ASC"
        rows = self._read(
            f"{READ} AND partition = :partition{where} ORDER BY sort {order} LIMIT :limit",
            {"partition": partition, "limit": limit + 1, **values},
        )
        return RowPage(rows[:limit], rows[limit - 1].sort if len(rows) > limit else None)

    def scan(self, *, after: tuple[str, str] | None = None, limit: int = 100) -> ScanPage:
        where = " AND (partition, sort) > (:partition, :sort)" if after else ""
        partition, sort = after or ("", "")
        rows = self._read(
            f"{READ}{where} ORDER BY partition, sort LIMIT :limit",
            {"partition": partition, "sort": sort, "limit": limit + 1},
        )
        last = rows[limit - 1] if len(rows) > limit else None
        return ScanPage(rows[:limit], (last.partition, last.sort) if last else None)

    def add(self, partition: str, sort: str, amount: int = 1, *, expires_at: datetime | None = None) -> int:
        def count(writing: Writing) -> int:
            found = writing.execute(READ_ONE, self._key(partition, sort)).fetchone()
            row = added(_row(found) if found else Row(partition, sort), amount, expires_at)
            self._store(writing, row, encoded(row.body))
            value: int = row.body["value"]
            return value

        return self._writer.run(count)

    def _act(self, writing: Writing, action: Action, body: bytes | None) -> _Stored | None:
        key = self._key(*key_of(action))
        if action.expect != "any":
            found = writing.execute(READ_VERSION, key).fetchone()
            check(action.expect, found[0] if found else None)
        match action:
            case Put(row) if body is not None:
                return self._store(writing, row, body)
            case Delete():
                writing.execute(DELETE, key)
        return None

    def _store(self, writing: Writing, row: Row, body: bytes) -> _Stored:
        expires_at = None if row.expires_at is None else _micros(row.expires_at)
        stored = (row.partition, row.sort, writing.next_version(), expires_at, body)
        writing.execute(WRITE, (self._name, *stored))
        return stored

    def _read(self, sql: str, values: dict[str, str | int]) -> tuple[Row, ...]:
        with self._readers.lend() as connection:
            found = connection.execute(
                sql, {**values, "name": self._name, "now": _micros(self._clock.now())}
            ).fetchall()
        return tuple(_row(stored) for stored in found)

    def _key(self, partition: str, sort: str) -> dict[str, str | int]:
        return {"name": self._name, "partition": partition, "sort": sort, "now": _micros(self._clock.now())}


def _row(stored: _Stored) -> Row:
    partition, sort, version, expires_at, body = stored
    return Row(
        partition, sort, decoded(body), version, None if expires_at is None else EPOCH + expires_at * MICROSECOND
    )


def _micros(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def _bounds(prefix: str, after: str | None, until: str | None, newest_first: bool) -> list[_Bound]:
    """At most one lower and one upper bound: given two on one side, SQLite might seek by the wider one."""
    lower = [(">=", prefix)]
    upper = [("<", end)] if (end := end_of(prefix)) is not None else []
    if after is not None:
        (upper if newest_first else lower).append(("<" if newest_first else ">", after))
    if until is not None:
        (lower if newest_first else upper).append((">=" if newest_first else "<=", until))
    lowest = max(lower, key=lambda bound: (bound[1], bound[0] == ">"))
    return [lowest, *sorted(upper, key=lambda bound: (bound[1], bound[0] == "<="))[:1]]
