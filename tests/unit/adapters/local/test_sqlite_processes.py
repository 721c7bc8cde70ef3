"""Several real processes on one SQLite file, killed and starved of disk."""

import json
import os
import random
import sqlite3
from contextlib import closing

import pytest

from llmanager.adapters.local.home_lock import HomeInUse, HomeLock
from llmanager.adapters.local.sqlite_table import SQLiteStore
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.table import Table
from tests.unit.adapters.local.child_process import PATIENCE_S, Child

CHILDREN = "tests.unit.adapters.local.children"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rows.db"


def sorts(table: Table, partition: str) -> set[str]:
    seen, after = set(), None
    while True:
        page = table.query(partition, after=after, limit=1000)
        seen |= {row.sort for row in page.rows}
        if (after := page.next_after) is None:
            return seen


def assert_intact(path):
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_four_processes_write_and_add_without_losing_anything(path):
    times = 100
    with (
        Child(CHILDREN, "write_and_add", path, 0, times) as a,
        Child(CHILDREN, "write_and_add", path, 1, times) as b,
        Child(CHILDREN, "write_and_add", path, 2, times) as c,
        Child(CHILDREN, "write_and_add", path, 3, times) as d,
    ):
        children = [a, b, c, d]
        assert [child.heard() for child in children] == ["ready"] * 4
        for child in children:
            child.go()
        values = [value for child in children for value in child.heard()]
    assert sorted(values) == list(range(1, 4 * times + 1))
    with closing(SQLiteStore(path, SystemClock())) as store:
        for n in range(4):
            assert len(sorts(store.table("things"), f"by-{n}")) == times
        versions = [row.version for row in store.table("things").scan(limit=10 * times).rows]
    assert len(set(versions)) == len(versions)


def test_every_answered_write_survives_kill_9(path):
    answered: list[int] = []
    for _ in range(8):
        start = answered[-1] + 10 if answered else 0  # beyond a write that was done but not answered
        with Child(CHILDREN, "write_on", path, start) as child:
            answered += [child.heard() for _ in range(random.randint(1, 200))]
            child.process.kill()
            answered += [json.loads(line) for line in child.process.stdout if line.endswith("\n")]
    assert_intact(path)
    with closing(SQLiteStore(path, SystemClock())) as store:
        assert {f"{n:08}" for n in answered} <= sorts(store.table("things"), "p")


def test_a_full_disk_is_said_loses_nothing_and_heals(path):
    with Child(CHILDREN, "fill", path, 2_000_000) as child:
        told = child.heard()
        assert child.process.wait(PATIENCE_S) == 0
    assert "disk is full" in told["refusal"]
    assert told["answered"] == told["readable"] > 10
    assert_intact(path)
    with closing(SQLiteStore(path, SystemClock())) as store:
        assert len(sorts(store.table("things"), "p")) == told["answered"] + 1


def test_a_home_has_one_server(tmp_path):
    with Child(CHILDREN, "hold_home", tmp_path) as child:
        assert child.heard() == "ready"
        with pytest.raises(HomeInUse, match=f"process {child.process.pid}"), HomeLock(tmp_path):
            pass
        child.go()
        assert child.process.wait(PATIENCE_S) == 0
        with HomeLock(tmp_path):
            pass


def test_a_home_is_free_again_when_its_server_was_killed(tmp_path):
    with Child(CHILDREN, "hold_home", tmp_path) as child:
        assert child.heard() == "ready"
    with HomeLock(tmp_path), pytest.raises(HomeInUse, match=f"process {os.getpid()}"), HomeLock(tmp_path):
        pass
