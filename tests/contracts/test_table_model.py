"""Any sequence of calls has the same outcome on an adapter as on the fake, which is simple enough to be the model."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.table import Check, Delete, Put, Row, Table
from tests.fakes.table import FakeTable

SORTS = st.sampled_from(["a", "ab", "b", "é", "🦙"])
EXPECTS = st.sampled_from(["any", "absent", "present", "current", "stale"])
LIVES_S = st.sampled_from([None, 1, 5])
ACTIONS = st.one_of(
    st.tuples(st.just("put"), SORTS, EXPECTS, st.integers(), LIVES_S),
    st.tuples(st.just("delete"), SORTS, EXPECTS),
    st.tuples(st.just("check"), SORTS, EXPECTS),
)
CALLS = st.one_of(
    st.tuples(st.just("transact"), st.lists(ACTIONS, max_size=4)),
    st.tuples(st.just("add"), SORTS, st.integers(), LIVES_S),
    st.tuples(st.just("get"), SORTS),
    st.tuples(
        st.just("query"), SORTS | st.just(""), st.none() | SORTS, st.none() | SORTS, st.integers(1, 6), st.booleans()
    ),
    st.tuples(st.just("advance"), st.integers(1, 4)),
)
partitions = (f"p{n}" for n in itertools.count())


class Player:
    """Plays abstract calls on one table; versions, which differ between tables, are spoken of by name."""

    def __init__(self, table: Table, partition: str) -> None:
        self.table = table
        self.partition = partition

    def play(self, call, now: datetime):
        try:
            return getattr(self, call[0])(*call[1:], now=now)
        except (LLManagerError, ValueError) as error:
            return type(error)

    def transact(self, actions, now):
        written = self.table.transact([self._action(action, now) for action in actions])
        return [row and replace(row, version=0) for row in written]

    def add(self, sort, amount, life_s, now):
        return self.table.add(self.partition, sort, amount, expires_at=_expiry(life_s, now))

    def get(self, sort, now):
        row = self.table.get(self.partition, sort)
        return row and replace(row, version=0)

    def query(self, prefix, after, until, limit, newest_first, now):
        page = self.table.query(
            self.partition, prefix=prefix, after=after, until=until, limit=limit, newest_first=newest_first
        )
        return [replace(row, version=0) for row in page.rows], page.next_after

    def _action(self, action, now):
        kind, sort, expect, *rest = action
        if expect in ("current", "stale"):
            row = self.table.get(self.partition, sort)
            expect = (row.version if row else 1) - (expect == "stale")
        if kind == "put":
            value, life_s = rest
            return Put(Row(self.partition, sort, {"value": value}, expires_at=_expiry(life_s, now)), expect)
        return (Delete if kind == "delete" else Check)(self.partition, sort, expect)


def _expiry(life_s, now):
    return None if life_s is None else now + timedelta(seconds=life_s)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(CALLS, max_size=12))
def test_any_calls_have_the_outcome_that_they_have_on_the_model(table, clock, calls):
    partition = next(partitions)
    players = Player(table, partition), Player(FakeTable(clock), partition)
    for call in calls:
        if call[0] == "advance":
            clock.advance(call[1])
        else:
            outcome, expected = (player.play(call, clock.now()) for player in players)
            assert outcome == expected, call
