"""What every Table must do: rows, conditions, transactions, counters. An adapter joins in tests/contracts/tables.py."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from llmanager.kernel.errors import Conflict, TooLarge
from llmanager.kernel.table import MAX_ACTIONS, MAX_BODY_BYTES, Check, Delete, Put, Row


class TestOneRow:
    def test_reads_back_as_written(self, table):
        body = {"text": "héllo 🦙\0\n", "n": -(2**70), "yes": True, "none": None, "list": [1, ["a"]], "map": {"": {}}}
        written = table.put(Row("p", "a", body))
        assert table.get("p", "a") == written
        assert (written.partition, written.sort, written.body) == ("p", "a", body)

    def test_is_not_changed_by_changing_the_body_that_was_given_or_read(self, table):
        body = {"list": [1]}
        written = table.put(Row("p", "a", body))
        body["list"].append(2)
        written.body["list"].append(3)
        table.get("p", "a").body["list"].append(4)
        assert table.get("p", "a").body == {"list": [1]}

    def test_is_absent_until_written(self, table):
        assert table.get("p", "a") is None

    def test_is_absent_when_deleted(self, table):
        table.put(Row("p", "a"))
        table.delete("p", "a")
        assert table.get("p", "a") is None

    def test_is_told_apart_by_both_keys(self, table):
        table.put(Row("p", "a", {"n": 1}))
        table.put(Row("p", "b", {"n": 2}))
        table.put(Row("q", "a", {"n": 3}))
        assert [table.get(*key).body["n"] for key in [("p", "a"), ("p", "b"), ("q", "a")]] == [1, 2, 3]

    def test_takes_a_body_up_to_the_limit_and_refuses_more(self, table):
        frame = len('{"x":""}')
        table.put(Row("p", "a", {"x": "x" * (MAX_BODY_BYTES - frame)}))
        with pytest.raises(TooLarge, match=str(MAX_BODY_BYTES)):
            table.put(Row("p", "b", {"x": "x" * (MAX_BODY_BYTES - frame + 1)}))
        assert table.get("p", "b") is None

    @pytest.mark.parametrize(
        "body", [{"x": 0.5}, {"x": [float("nan")]}, {"x": {"y": 1.0}}, {1: "x"}, {"x": b""}, {"x": "\ud800"}]
    )
    def test_refuses_what_is_not_json_without_floats(self, table, body):
        with pytest.raises(ValueError):
            table.put(Row("p", "a", body))
        assert table.get("p", "a") is None


class TestConditions:
    def test_absent_holds_only_while_there_is_no_row(self, table):
        table.put(Row("p", "a", {"n": 1}), expect="absent")
        with pytest.raises(Conflict):
            table.put(Row("p", "a", {"n": 2}), expect="absent")
        assert table.get("p", "a").body == {"n": 1}

    def test_present_holds_only_while_there_is_a_row(self, table):
        with pytest.raises(Conflict):
            table.put(Row("p", "a"), expect="present")
        table.put(Row("p", "a"))
        table.put(Row("p", "a", {"n": 2}), expect="present")
        assert table.get("p", "a").body == {"n": 2}

    def test_a_version_holds_until_the_next_write(self, table):
        first = table.put(Row("p", "a", {"n": 1}))
        second = table.put(Row("p", "a", {"n": 2}), expect=first.version)
        with pytest.raises(Conflict):
            table.put(Row("p", "a", {"n": 3}), expect=first.version)
        assert table.get("p", "a") == second

    def test_a_version_does_not_hold_where_nothing_is(self, table):
        gone = table.put(Row("p", "a"))
        table.delete("p", "a")
        for version in (gone.version, 0):
            with pytest.raises(Conflict):
                table.put(Row("p", "a"), expect=version)

    def test_a_version_never_comes_back_after_delete_and_recreate(self, table):
        seen = set()
        for _ in range(5):
            seen.add(table.put(Row("p", "a"), expect="absent").version)
            table.delete("p", "a")
        assert len(seen) == 5

    def test_deleting_what_is_absent_is_fine_with_any_and_absent(self, table):
        table.delete("p", "a")
        table.delete("p", "a", "absent")

    @pytest.mark.parametrize("expect", ["present", 1])
    def test_deleting_what_is_absent_conflicts_otherwise(self, table, expect):
        with pytest.raises(Conflict):
            table.delete("p", "a", expect)

    def test_a_delete_holds_only_for_the_version_it_expects(self, table):
        first = table.put(Row("p", "a"))
        second = table.put(Row("p", "a"))
        for stale in (first.version, "absent"):
            with pytest.raises(Conflict):
                table.delete("p", "a", stale)
        table.delete("p", "a", second.version)
        assert table.get("p", "a") is None

    def test_a_conflict_names_no_key(self, table):
        table.put(Row("secret-p", "secret-a"))
        with pytest.raises(Conflict) as caught:
            table.put(Row("secret-p", "secret-a"), "absent")
        assert "secret" not in str(caught.value)

    def test_of_many_who_create_one_row_exactly_one_wins(self, table):
        def create(n: int) -> bool:
            try:
                table.put(Row("p", "a", {"n": n}), "absent")
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(16) as pool:
            won = list(pool.map(create, range(16)))
        assert won.count(True) == 1
        assert table.get("p", "a").body == {"n": won.index(True)}


class TestTransact:
    def test_answers_each_action_in_order(self, table):
        old = table.put(Row("p", "old"))
        table.put(Row("p", "there"))
        put, deleted, checked = table.transact(
            [Put(Row("q", "new", {"n": 1}), "absent"), Delete("p", "old", old.version), Check("p", "there", "present")]
        )
        assert put == table.get("q", "new")
        assert (deleted, checked) == (None, None)
        assert table.get("p", "old") is None

    @pytest.mark.parametrize(
        "refused",
        [
            Put(Row("p", "there"), "absent"),
            Put(Row("p", "gone"), "present"),
            Delete("p", "gone", "present"),
            Check("p", "gone", "present"),
            Check("p", "there", "absent"),
        ],
    )
    def test_does_nothing_if_one_expectation_fails(self, table, refused):
        there = table.put(Row("p", "there"))
        with pytest.raises(Conflict):
            table.transact([Put(Row("p", "first")), refused, Put(Row("p", "last"))])
        assert table.query("p").rows == (there,)

    def test_does_nothing_if_one_body_is_too_large(self, table):
        with pytest.raises(TooLarge):
            table.transact([Put(Row("p", "a")), Put(Row("p", "b", {"x": "x" * MAX_BODY_BYTES}))])
        assert table.query("p").rows == ()

    def test_takes_as_many_actions_as_the_limit_and_refuses_more(self, table):
        actions = [Put(Row("p", f"{n:03}")) for n in range(MAX_ACTIONS + 1)]
        with pytest.raises(ValueError, match=str(MAX_ACTIONS)):
            table.transact(actions)
        assert table.query("p").rows == ()
        assert len(table.transact(actions[:MAX_ACTIONS])) == MAX_ACTIONS

    def test_refuses_more_bytes_together_than_the_limit(self, table):
        with pytest.raises(TooLarge):
            table.transact([Put(Row("p", str(n), {"x": "x" * (MAX_BODY_BYTES - 100)})) for n in range(12)])
        assert table.query("p").rows == ()

    def test_refuses_two_actions_on_one_row(self, table):
        with pytest.raises(ValueError, match="once"):
            table.transact([Check("p", "a", "absent"), Put(Row("p", "a"))])
        assert table.get("p", "a") is None

    def test_of_nothing_does_nothing(self, table):
        assert table.transact([]) == ()

    def test_is_never_seen_half_done(self, table):
        """Two rows that always change together are always seen with the same value in one page."""
        stop = threading.Event()

        def write() -> None:
            for n in range(40):
                table.transact([Put(Row("p", "a", {"n": n})), Put(Row("p", "b", {"n": n}))])
            stop.set()

        def read() -> set[int]:
            seen = set()
            while not stop.is_set():
                seen.add(len({row.body["n"] for row in table.query("p").rows}))
            return seen

        with ThreadPoolExecutor(2) as pool:
            seen = pool.submit(read)
            pool.submit(write).result()
            assert seen.result() <= {0, 1}


class TestAdd:
    def test_counts_from_nothing(self, table):
        assert [table.add("p", "n"), table.add("p", "n", 5), table.add("p", "n", -2)] == [1, 6, 4]
        assert table.get("p", "n").body == {"value": 4}

    def test_goes_on_from_a_value_that_was_put(self, table):
        table.put(Row("p", "n", {"value": 40}))
        assert table.add("p", "n", 2) == 42

    def test_gives_every_caller_another_value(self, table):
        with ThreadPoolExecutor(64) as pool:
            values = list(pool.map(lambda _: table.add("p", "n"), range(256)))
        assert sorted(values) == list(range(1, 257))

    def test_changes_the_version(self, table):
        table.add("p", "n")
        first = table.get("p", "n")
        table.add("p", "n")
        with pytest.raises(Conflict):
            table.put(Row("p", "n"), first.version)

    def test_keeps_the_expiry_unless_given_another(self, table, clock):
        soon, late = clock.now() + timedelta(seconds=60), clock.now() + timedelta(seconds=600)
        table.add("p", "n", expires_at=soon)
        table.add("p", "n")
        assert table.get("p", "n").expires_at == soon
        table.add("p", "n", expires_at=late)
        assert table.get("p", "n").expires_at == late
