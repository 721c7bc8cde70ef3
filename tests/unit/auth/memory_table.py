"""Just enough of a Table for these suites, until tests/fakes/table.py:FakeTable takes its place."""

from dataclasses import replace

from llmanager.kernel.errors import Conflict
from llmanager.kernel.table import Delete, Put, Row, RowPage


class MemoryTable:
    """`down` makes every call raise that error; `before_write` acts once, between a read and its write."""

    def __init__(self, clock):
        self.clock = clock
        self.rows: dict[tuple[str, str], Row] = {}
        self.calls = 0
        self.down: Exception | None = None
        self.before_write = None
        self._versions = 0

    def get(self, partition, sort):
        self.calls += 1
        if self.down:
            raise self.down
        row = self.rows.get((partition, sort))
        return row if row and (row.expires_at is None or self.clock.now() < row.expires_at) else None

    def put(self, row, expect="any"):
        return self.transact([Put(row, expect)])[0]

    def delete(self, partition, sort, expect="any"):
        self.transact([Delete(partition, sort, expect)])

    def query(self, partition, *, prefix="", after=None, until=None, limit=100, newest_first=False):
        sorts = sorted((s for p, s in self.rows if p == partition and s.startswith(prefix)), reverse=newest_first)
        sorts = [s for s in sorts if after is None or (s < after if newest_first else s > after)]
        rows = tuple(row for s in sorts[:limit] if (row := self.get(partition, s)))
        return RowPage(rows, sorts[limit - 1] if len(sorts) > limit else None)

    def transact(self, actions):
        act, self.before_write = self.before_write, None
        if act:
            act()
        for action in actions:
            key = (
                (action.row.partition, action.row.sort) if isinstance(action, Put) else (action.partition, action.sort)
            )
            found = self.get(*key)
            is_met = {"any": True, "absent": found is None, "present": found is not None}
            if not is_met.get(action.expect, found is not None and found.version == action.expect):
                raise Conflict(f"{key} is not {action.expect}.")
        return tuple(self._apply(action) for action in actions)

    def _apply(self, action):
        if isinstance(action, Put):
            self._versions += 1
            row = replace(action.row, version=self._versions)
            self.rows[row.partition, row.sort] = row
            return row
        if isinstance(action, Delete):
            self.rows.pop((action.partition, action.sort), None)
        return None


def _key(action):
    target = action.row if isinstance(action, Put) else action
    return target.partition, target.sort
