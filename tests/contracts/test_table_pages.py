"""What every Table must do: pages and expiry."""

from datetime import timedelta

import pytest

from llmanager.kernel.errors import Conflict
from llmanager.kernel.table import Delete, Put, Row, RowPage, Table, all_rows, rows_in


def sorts(page: RowPage) -> list[str]:
    return [row.sort for row in page.rows]


def walked(table: Table, **query) -> list[list[str]]:
    """The sort keys of all pages."""
    pages = [table.query("p", **query)]
    while pages[-1].next_after is not None:
        pages.append(table.query("p", **{**query, "after": pages[-1].next_after}))
    return [sorts(page) for page in pages]


class TestPages:
    def test_run_in_sort_order_from_either_end(self, table):
        for sort in ("b", "a", "d", "c"):
            table.put(Row("p", sort))
        table.put(Row("q", "other"))
        assert walked(table, limit=3) == [["a", "b", "c"], ["d"]]
        assert walked(table, limit=3, newest_first=True) == [["d", "c", "b"], ["a"]]

    def test_end_without_an_empty_page_when_they_come_out_even(self, table):
        for sort in "abcd":
            table.put(Row("p", sort))
        assert [page for page in walked(table, limit=2) if page] == [["a", "b"], ["c", "d"]]

    def test_of_an_empty_partition_are_one_empty_page(self, table):
        assert table.query("p") == RowPage((), None)

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"prefix": "b"}, ["b", "b1", "b2", "bé"]),
            ({"prefix": "b", "newest_first": True}, ["bé", "b2", "b1", "b"]),
            ({"after": "b"}, ["b1", "b2", "bé", "c"]),
            ({"after": "b1x", "until": "b2"}, ["b2"]),
            ({"until": "b"}, ["a", "b"]),
            ({"after": "b2", "newest_first": True}, ["b1", "b", "a"]),
            ({"after": "c", "until": "b1", "newest_first": True}, ["bé", "b2", "b1"]),
            ({"prefix": "b", "after": "a", "until": "b1"}, ["b", "b1"]),
            ({"prefix": "b", "after": "c"}, []),
            ({"prefix": "bé"}, ["bé"]),
            ({"prefix": "x"}, []),
        ],
    )
    def test_start_and_end_where_asked(self, table, query, expected):
        for sort in ("a", "b", "b1", "b2", "bé", "c"):
            table.put(Row("p", sort))
        assert sorts(table.query("p", **query)) == expected

    def test_sort_by_the_bytes_of_utf_8(self, table):
        names = ["Z", "a", "z", "é", "\ud7ff", "\ue000", "�", "🦙", "\U0010ffff", "\U0010ffff!"]
        for name in reversed(names):
            table.put(Row("p", name))
        assert sorts(table.query("p")) == sorted(names, key=str.encode)
        for name in names[:-1]:
            assert name in sorts(table.query("p", prefix=name))
        assert sorts(table.query("p", prefix="\ud7ff")) == ["\ud7ff"]
        assert sorts(table.query("p", prefix="\U0010ffff")) == names[-2:]

    def test_neither_repeat_nor_skip_when_rows_come_in_between(self, table):
        for sort in ("b", "d", "f"):
            table.put(Row("p", sort))
        first = table.query("p", limit=2)
        for sort in ("a", "c", "e"):  # two behind the reader, one before him
            table.put(Row("p", sort))
        assert sorts(first) + sorts(table.query("p", after=first.next_after)) == ["b", "d", "e", "f"]

    def test_go_on_when_the_row_they_stopped_at_is_gone(self, table):
        for sort in "abc":
            table.put(Row("p", sort))
        first = table.query("p", limit=2)
        table.delete("p", "b")
        assert sorts(table.query("p", after=first.next_after)) == ["c"]

    def test_of_a_scan_show_every_row_once(self, table):
        keys = [(partition, sort) for partition in ("p", "p2", "é") for sort in ("a", "b", "c")]
        for key in keys:
            table.put(Row(*key))
        seen, page = [], table.scan(limit=2)
        while True:
            seen += [(row.partition, row.sort) for row in page.rows]
            if page.next_after is None:
                break
            page = table.scan(after=page.next_after, limit=2)
        assert sorted(seen) == sorted(keys)

    def test_are_turned_by_who_wants_all_rows(self, table):
        keys = [(partition, f"{number:03}") for partition in ("p", "q") for number in range(101)]
        for key in keys:
            table.put(Row(*key))
        assert [row.sort for row in rows_in(table, "q")] == [sort for partition, sort in keys if partition == "q"]
        assert sorted((row.partition, row.sort) for row in all_rows(table)) == keys


class TestExpiry:
    @pytest.fixture
    def expired(self, table, clock):
        """Row p/a, past its expiry by nothing at all."""
        row = table.put(Row("p", "a", {"value": 7}, expires_at=clock.now() + timedelta(seconds=60)))
        clock.advance(60)
        return row

    def test_lets_a_row_live_until_then(self, table, clock):
        written = table.put(Row("p", "a", expires_at=clock.now() + timedelta(seconds=60, microseconds=1)))
        clock.advance(60)
        assert table.get("p", "a") == written
        assert table.query("p").rows == table.scan().rows == (written,)

    def test_is_kept_to_the_microsecond(self, table, clock):
        at = clock.now() + timedelta(days=40_000, microseconds=123_457)
        table.put(Row("p", "a", expires_at=at))
        assert table.get("p", "a").expires_at == at

    def test_without_a_time_zone_is_refused(self, table, clock):
        naive = clock.now().replace(tzinfo=None)
        with pytest.raises(ValueError, match="time zone"):
            table.put(Row("p", "a", expires_at=naive))
        with pytest.raises(ValueError, match="time zone"):
            table.add("p", "a", expires_at=naive)
        assert table.get("p", "a") is None

    def test_makes_a_row_read_as_absent(self, table, expired):
        assert table.get("p", "a") is None

    def test_keeps_a_row_out_of_pages(self, table, expired):
        table.put(Row("p", "b"))
        assert sorts(table.query("p")) == ["b"]
        assert [row.sort for row in table.scan().rows] == ["b"]

    def test_fills_pages_with_live_rows(self, table, expired):
        for sort in "bcd":
            table.put(Row("p", sort))
        assert walked(table, limit=2) == [["b", "c"], ["d"]]

    def test_satisfies_absent(self, table, expired):
        table.put(Row("p", "a", {"n": 2}), "absent")
        assert table.get("p", "a").body == {"n": 2}

    @pytest.mark.parametrize("action", [Put(Row("p", "a"), "present"), Delete("p", "a", "present")])
    def test_fails_present(self, table, expired, action):
        with pytest.raises(Conflict):
            table.transact([action])

    def test_fails_the_version_that_expired(self, table, expired):
        with pytest.raises(Conflict):
            table.put(Row("p", "a"), expired.version)

    def test_is_lifted_by_a_put_without_one(self, table, clock):
        table.put(Row("p", "a", expires_at=clock.now() + timedelta(seconds=60)))
        table.put(Row("p", "a"))
        clock.advance(3600)
        assert table.get("p", "a").expires_at is None

    def test_of_a_counter_starts_it_anew(self, table, expired):
        assert table.add("p", "a") == 1
