"""Just enough of a Table for these suites, until tests/fakes/table.py:FakeTable takes its place."""

from dataclasses import replace

from llmanager.kernel.errors import Conflict
from llmanager.kernel.table import Delete, Put, RowPage


class MemoryTable:
    """`down` makes every call raise that error; `before_write` acts once, between a read and its write."""

    def __init__(self, clock):
        self.clock = clock
        self.rows = {}
        self.calls = self._versions = 0
        self.down = self.before_write = None

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
            act(actions)
        for action in actions:
            found = self.get(*_key(action))
            is_met = {"any": True, "absent": not found, "present": bool(found)}
            if not is_met.get(action.expect, found is not None and found.version == action.expect):
                raise Conflict("The row is not as expected.")
        return tuple(self._apply(action) for action in actions)

    def _apply(self, action):
        self.rows.pop(_key(action), None)
        if isinstance(action, Delete):
            return None
        self._versions += 1
        row = self.rows[_key(action)] = replace(action.row, version=self._versions)
        return row


def _key(action):
    target = action.row if isinstance(action, Put) else action
    return target.partition, target.sort
