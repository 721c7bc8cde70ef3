"""The Table port: conditional rows, the only storage that control-plane logic knows.

A row has a partition key, a sort key, a JSON body, a version and perhaps an expiry. Each capability's `rows.py` is
the only place that knows its keys. Adapters pass tests/contracts/test_table.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

MAX_ACTIONS = 100  # of one transact
MAX_BODY_BYTES = 350 * 1024  # of one row's JSON body
MAX_TRANSACT_BYTES = 4 * 1024 * 1024

Expect = Literal["any", "absent", "present"] | int  # an int is the version that must still stand


@dataclass(frozen=True)
class Row:
    partition: str
    sort: str
    body: Mapping[str, Any] = field(default_factory=dict)  # JSON: str, int, bool, None, list, dict; no floats
    version: int = 0  # set by the table; never repeats for a key, not even after delete and re-create
    expires_at: datetime | None = None  # from then on the row reads as absent and satisfies "absent"


@dataclass(frozen=True)
class RowPage:
    rows: tuple[Row, ...]
    next_after: str | None = None  # give it back as `after` for the next page; None: no more rows


@dataclass(frozen=True)
class ScanPage:
    rows: tuple[Row, ...]
    next_after: tuple[str, str] | None = None


@dataclass(frozen=True)
class Put:
    row: Row  # its own `version` is ignored
    expect: Expect = "any"


@dataclass(frozen=True)
class Delete:
    partition: str
    sort: str
    expect: Expect = "any"


@dataclass(frozen=True)
class Check:
    """Writes nothing; the transaction holds only if this does."""

    partition: str
    sort: str
    expect: Expect


Action = Put | Delete | Check


class Table(Protocol):
    """Strongly consistent reads and conditional writes; an answered write survives `kill -9` and power loss.

    Every method may raise Throttled or Unavailable (retryable: whether a timed-out write took effect is unknown) and
    OutOfSpace (nothing was written).
    Thread-safe and safe beside other processes on the same table.
    """

    def get(self, partition: str, sort: str) -> Row | None:
        """The row as of the last answered write, or None if absent or expired."""

    def put(self, row: Row, expect: Expect = "any") -> Row:
        """Write the row and return it with its new version. Raises Conflict if `expect` does not hold, TooLarge."""

    def delete(self, partition: str, sort: str, expect: Expect = "any") -> None:
        """Absent is fine with "any" and "absent"; otherwise raises Conflict."""

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
        """Live rows of one partition whose sort key starts with `prefix`, in sort order (bytes of UTF-8).

        `after` (exclusive) and `until` (inclusive) are where reading starts and ends, in the direction of reading.
        A page may be short; only `next_after is None` means the end.
        """

    def scan(self, *, after: tuple[str, str] | None = None, limit: int = 100) -> ScanPage:
        """Every live row of the table, a page at a time. Only for the small registry tables."""

    def transact(self, actions: Sequence[Action]) -> tuple[Row | None, ...]:
        """All or nothing. Returns for each action the row as written (None for Delete and Check).

        At most MAX_ACTIONS actions and MAX_TRANSACT_BYTES, never two on one row (ValueError).
        Raises Conflict if any expectation does not hold, TooLarge.
        """

    def add(self, partition: str, sort: str, amount: int = 1, *, expires_at: datetime | None = None) -> int:
        """Add to the counter in that row (absent counts as 0; kept as `body["value"]`) and return the new value.

        Atomic: no two callers get the same value. Not safe to retry: a lost answer may have counted, so use it for
        sequence numbers (gaps are allowed) and statistics, never for money.
        """


def rows_in(table: Table, partition: str) -> Iterator[Row]:
    """All of a partition, read page by page as they are asked for."""
    after: str | None = None
    while True:
        page = table.query(partition, after=after)
        yield from page.rows
        after = page.next_after
        if after is None:
            return


def all_rows(table: Table) -> Iterator[Row]:
    """All partitions, likewise. Only for the small registry tables."""
    after: tuple[str, str] | None = None
    while True:
        page = table.scan(after=after)
        yield from page.rows
        after = page.next_after
        if after is None:
            return
