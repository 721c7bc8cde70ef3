import sqlite3
import threading
from contextlib import closing
from datetime import timedelta

import pytest

from llmanager.adapters.local import sqlite_file
from llmanager.adapters.local.sqlite_file import StorageTooNew, in_our_words
from llmanager.adapters.local.sqlite_table import REMOVE_AFTER, REMOVE_EVERY_S, SQLiteStore
from llmanager.kernel.errors import Conflict, NotSupported, OutOfSpace, Unavailable
from llmanager.kernel.table import Put, Row
from tests.fakes.clock import FakeClock


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rows.db"


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(path, clock):
    with closing(SQLiteStore(path, clock)) as store:
        yield store


@pytest.fixture
def beside(path, store):
    """Another connection to the store's file, as another process would hold."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def test_rows_are_there_when_the_file_is_opened_again(path, clock):
    with closing(SQLiteStore(path, clock)) as store:
        written = store.table("a").put(Row("p", "a", {"n": 1}))
    with closing(SQLiteStore(path, clock)) as store:
        assert store.table("a").get("p", "a") == written
        assert store.table("a").put(Row("p", "b")).version > written.version


def test_tables_of_one_store_do_not_see_each_others_rows(store):
    a, b = store.table("a"), store.table("b")
    a.put(Row("p", "s", {"of": "a"}))
    b.put(Row("p", "s", {"of": "b"}), "absent")
    assert [row.body["of"] for row in a.scan().rows] == ["a"]
    b.delete("p", "s")
    assert a.get("p", "s").body == {"of": "a"}


def test_the_file_is_for_its_owner_only(path, store):
    store.table("a").put(Row("p", "a"))
    for file in path.parent.glob("rows.db*"):
        assert file.stat().st_mode & 0o077 == 0, file.name


def test_the_file_is_durable(beside):
    assert beside.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with closing(sqlite_file.connect(beside.execute("PRAGMA database_list").fetchone()[2])) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA busy_timeout").fetchone() >= (5000,)


def test_a_file_of_a_newer_version_is_refused_untouched(path, clock, store, beside):
    beside.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageTooNew, match=r"newer LLManager.*99") as caught:
        SQLiteStore(path, clock)
    assert isinstance(caught.value, NotSupported)
    assert beside.execute("PRAGMA user_version").fetchone() == (99,)


def test_a_file_that_is_no_database_is_refused(path, clock):
    path.write_bytes(b"no database at all " * 500)
    with pytest.raises(Unavailable, match="damaged"):
        SQLiteStore(path, clock)


def test_a_folder_that_is_not_there_is_said(path, clock):
    with pytest.raises(Unavailable, match="LLMANAGER_HOME"):
        SQLiteStore(path / "missing" / "rows.db", clock)


def test_a_writer_elsewhere_that_never_ends_makes_writes_unavailable_and_reads_go_on(path, clock, monkeypatch):
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_S", 0.05)
    with (
        closing(SQLiteStore(path, clock)) as store,
        closing(sqlite3.connect(path, isolation_level=None)) as beside,
    ):
        table = store.table("a")
        table.put(Row("p", "a"))
        beside.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="busy"):
            table.put(Row("p", "b"))
        assert [row.sort for row in table.query("p").rows] == ["a"]
        beside.execute("ROLLBACK")
        table.put(Row("p", "b"), "absent")


def test_a_conflict_spares_its_neighbours_in_the_same_commit(store, beside):
    """While another process holds the lock the writer waits, so that what is asked meanwhile becomes one group."""
    table = store.table("a")
    table.put(Row("p", "taken"))
    outcomes: dict[str, object] = {}

    def put(sort: str) -> None:
        try:
            outcomes[sort] = table.transact([Put(Row("q", sort)), Put(Row("p", sort), "absent")])[1].sort
        except Conflict:
            outcomes[sort] = "refused"

    beside.execute("BEGIN IMMEDIATE")
    threads = [threading.Thread(target=put, args=(sort,)) for sort in ("a", "taken", "b", "c")]
    for thread in threads:
        thread.start()
    beside.execute("ROLLBACK")
    for thread in threads:
        thread.join()
    assert outcomes == {"a": "a", "taken": "refused", "b": "b", "c": "c"}
    assert [row.sort for row in table.query("q").rows] == ["a", "b", "c"]


def test_rows_that_expired_long_ago_leave_the_disk(store, clock, beside):
    table = store.table("a")
    table.put(Row("p", "short", expires_at=clock.now() + timedelta(seconds=1)))
    table.put(Row("p", "long", expires_at=clock.now() + timedelta(days=1)))
    table.put(Row("p", "ever"))
    clock.advance(REMOVE_AFTER.total_seconds())
    assert store.remove_expired() == 0
    clock.advance(1)
    assert store.remove_expired() == 1
    assert beside.execute("SELECT sort FROM rows ORDER BY sort").fetchall() == [("ever",), ("long",)]


def test_the_writer_removes_them_by_itself_now_and_then(store, clock, beside):
    table = store.table("a")
    table.put(Row("p", "short", expires_at=clock.now()))
    clock.advance(REMOVE_AFTER.total_seconds() + REMOVE_EVERY_S)
    table.put(Row("p", "ever"))  # after this group comes upkeep
    table.put(Row("p", "ever"))  # which came before this one
    assert beside.execute("SELECT sort FROM rows").fetchall() == [("ever",)]


def test_a_closed_store_turns_everybody_away(path, clock):
    store = SQLiteStore(path, clock)
    table = store.table("a")
    store.close()
    for call in (lambda: table.get("p", "a"), lambda: table.put(Row("p", "a"))):
        with pytest.raises(Unavailable, match="closed"):
            call()
    store.close()


def test_closing_writes_what_was_asked_before(path, clock):
    store = SQLiteStore(path, clock)
    table = store.table("a")
    answered: list[str] = []

    def put(sort: str) -> None:
        try:
            table.put(Row("p", sort))
        except Unavailable:
            return
        answered.append(sort)

    threads = [threading.Thread(target=put, args=(str(n),)) for n in range(20)]
    for thread in threads:
        thread.start()
    store.close()
    for thread in threads:
        thread.join()
    with closing(SQLiteStore(path, clock)) as store:
        assert {row.sort for row in store.table("a").query("p").rows} == set(answered)


@pytest.mark.parametrize(
    ("code", "expected", "says"),
    [
        (sqlite3.SQLITE_FULL, OutOfSpace, "full"),
        (sqlite3.SQLITE_IOERR_WRITE, OutOfSpace, "full"),
        (sqlite3.SQLITE_IOERR_FSYNC, Unavailable, "disk failed"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Unavailable, "busy"),
        (sqlite3.SQLITE_LOCKED, Unavailable, "busy"),
        (sqlite3.SQLITE_READONLY_DBMOVED, Unavailable, "read-only"),
        (sqlite3.SQLITE_CORRUPT, Unavailable, "damaged"),
    ],
)
def test_what_sqlite_says_is_put_into_our_words(code, expected, says):
    error = sqlite3.OperationalError("database at /some/path said no")
    error.sqlite_errorcode = code
    ours = in_our_words(error)
    assert type(ours) is expected
    assert says in str(ours)
    assert "/" not in str(ours)


def test_a_bug_in_sql_stays_a_bug(store, beside):
    with pytest.raises(sqlite3.OperationalError) as caught:
        beside.execute("SELECT nothing FROM nowhere")
    assert in_our_words(caught.value) is None


def test_a_bug_in_an_operation_is_no_answer_and_leaves_nobody_waiting(path, clock, monkeypatch):
    seen: list[object] = []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    with closing(SQLiteStore(path, clock)) as store:
        with pytest.raises(Unavailable):
            store._writer.run(lambda writing: 1 / 0)
        with pytest.raises(Unavailable):
            store.table("a").put(Row("p", "a"))
        assert store.table("a").get("p", "a") is None
    assert "ZeroDivisionError" in str(seen)
