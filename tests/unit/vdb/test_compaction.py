import pytest

from llmanager.vdb.compaction import MIB, Policy, Tier, is_sparse, next_run, survivors
from llmanager.vdb.segments import Part, Segment, Span

KIB = 1024


def sized(*sizes: int, items: int = 1) -> list[Segment]:
    return [
        Segment(Span(seq, seq), items, 0, 1, Part(size, ""), Part(0, "")) for seq, size in enumerate(sizes, start=1)
    ]


def seqs(run) -> list[int]:
    return [segment.first_seq for segment in run]


class TestWhichAreMerged:
    def test_nothing_of_nothing(self):
        assert next_run([], Policy()) == ()

    @pytest.mark.parametrize(("size", "fewest"), [(10 * KIB, 8), (1 * MIB, 16)])
    def test_neighbours_when_there_are_enough_of_them_fewer_if_tiny(self, size, fewest):
        assert next_run(sized(*[size] * (fewest - 1)), Policy()) == ()
        assert len(next_run(sized(*[size] * fewest), Policy())) == fewest

    def test_large_ones_are_left_alone(self):
        assert next_run(sized(*[4 * MIB] * 100), Policy()) == ()

    def test_tiny_ones_first_though_they_stand_behind(self):
        segments = sized(*[MIB] * 20, *[KIB] * 9)
        assert seqs(next_run(segments, Policy())) == list(range(21, 30))

    def test_only_neighbours(self):
        segments = sized(*[KIB] * 7, 5 * MIB, *[KIB] * 7)
        assert next_run(segments, Policy()) == ()

    def test_tiny_ones_count_among_small_ones(self):
        segments = sized(*[MIB] * 12, *[KIB] * 4)
        assert len(next_run(segments, Policy())) == 16

    def test_a_merged_one_stays_under_the_limit(self):
        run = next_run(sized(*[4 * MIB - 1] * 40), Policy())
        assert len(run) == 16
        assert sum(segment.size_bytes for segment in run) <= 64 * MIB

    def test_a_policys_limit_has_room_for_each_tier(self):
        policy = Policy()
        assert all(tier.below_bytes * tier.neighbours <= policy.max_bytes for tier in policy.tiers)

    def test_merging_ends_and_leaves_few(self):
        """Ten thousand single adds of 3 KiB, a look every hundred: what merging writes, and what is left."""
        segments, written, policy = [], 0, Policy()
        for seq in range(1, 10_001):
            segments.append(Segment(Span(seq, seq), 1, 0, 1, Part(3 * KIB, ""), Part(0, "")))
            while seq % 100 == 0 and (run := next_run(segments, policy)):
                size = sum(segment.size_bytes for segment in run)
                start = segments.index(run[0])
                merged = Segment(Span(run[0].first_seq, run[-1].last_seq), 1, 0, 1, Part(size, ""), Part(0, ""))
                segments[start : start + len(run)] = [merged]
                written += size
        assert len(segments) < 30
        assert written < 4 * 10_000 * 3 * KIB  # each byte is rewritten less than four times

    def test_few_may_be_asked_for(self):
        policy = Policy((Tier(100, 2),), max_bytes=150)
        assert seqs(next_run(sized(200, 60, 60, 60), policy)) == [2, 3]


class TestWhatSurvives:
    ENTRIES = (("a", False), ("b", False), ("c", True), ("a", False), ("b", True), ("d", False))

    def test_of_each_id_the_last_line(self):
        found = survivors(self.ENTRIES, keeps_deletes=True)
        assert list(found.lines) == [0, 0, 0, 1, 0, 1]
        assert found.deleted_ids == ("b", "c")
        assert found.items == 2

    def test_vectors_are_counted_without_the_lines_of_deletes(self):
        assert list(survivors(self.ENTRIES, keeps_deletes=True).rows) == [0, 0, 1, 1]

    def test_deletes_only_where_something_is_older(self):
        assert survivors(self.ENTRIES, keeps_deletes=False).deleted_ids == ()

    def test_nothing_that_is_written_again_later(self):
        found = survivors(self.ENTRIES, keeps_deletes=True, later={"a", "b"})
        assert list(found.lines) == [0, 0, 0, 0, 0, 1]
        assert found.deleted_ids == ("c",)

    def test_all_ids_are_told(self):
        assert found_ids(self.ENTRIES) == {"a", "b", "c", "d"}

    def test_an_item_that_follows_its_delete_stays(self):
        found = survivors([("a", True), ("a", False)], keeps_deletes=True)
        assert (list(found.lines), list(found.rows), found.deleted_ids) == ([0, 1], [1], ())


def found_ids(entries) -> set[str]:
    return set(survivors(entries, keeps_deletes=False).ids)


@pytest.mark.parametrize(("live_items", "expected"), [(0, True), (4, True), (5, False), (10, False)])
def test_segments_are_sparse_when_most_of_their_items_are_dead(live_items, expected):
    assert is_sparse(sized(1, 1, items=5), live_items) is expected
