import tracemalloc

import pytest

from llmanager.adapters.local.file_blobs import FileBlobs
from llmanager.kernel.errors import OutOfSpace
from llmanager.vdb.compaction import MIB, Policy, Tier
from llmanager.vdb.entities import Item, Write
from llmanager.vdb.errors import SegmentCorrupt
from llmanager.vdb.usecases.log import SegmentLog
from tests.unit.vdb.log_samples import LARGE, keys, replayed, write


class TestCompact:
    def test_merges_what_the_policy_names_into_one(self, log, blobs):
        for seq in range(1, 6):
            log.append("r", seq, write(Item(f"{seq}", "x" * seq), Item("same", f"{seq}"), seed=seq))
        expected = replayed(log)
        assert log.compact("r") == 5
        (merged,) = log.segments("r")
        assert (merged.first_seq, merged.last_seq, merged.items, merged.deletes) == (1, 5, 6, 0)
        assert replayed(log) == expected
        assert log.compact("r") == 0
        assert log.sweep("r") == 0

    def test_forgets_deletes_only_at_the_very_first_segment(self, blobs):
        log = SegmentLog(blobs, "vdb", Policy((Tier(5_000, 3),), 100_000))
        log.append("r", 1, write(Item("a", LARGE), Item("b")))
        for seq in (2, 3, 4):
            log.append("r", seq, write(Item(f"{seq}"), deleted=["a", "nobody"]))
        assert log.compact("r") == 3
        assert [segment.deletes for segment in log.segments("r")] == [0, 2]
        log = SegmentLog(blobs, "vdb", Policy((Tier(50_000, 2),), 100_000))
        assert log.compact("r") == 2
        assert [(segment.deletes, segment.items) for segment in log.segments("r")] == [(0, 4)]
        assert set(replayed(log)) == {"b", "2", "3", "4"}

    def test_of_what_was_all_deleted_leaves_an_empty_segment_that_keeps_the_numbers(self, log):
        log.append("r", 1, write(Item("a")))
        log.append("r", 2, write(Item("b")))
        log.append("r", 3, Write(deleted_ids=("a", "b")))
        assert log.compact("r") == 3
        (merged,) = log.segments("r")
        assert (merged.first_seq, merged.last_seq, merged.items, merged.deletes, merged.dim) == (1, 3, 0, 0, None)
        assert list(log.read("r", merged)) == []

    def test_rewrites_large_segments_most_of_which_is_dead(self, blobs):
        log = SegmentLog(blobs, "vdb", Policy((Tier(10, 2),), 100))  # merges nothing
        for seq in (1, 2):
            log.append("r", seq, write(*(Item(f"{seq}-{n}", LARGE) for n in range(4)), seed=seq))
        log.append("r", 3, write(Item("1-0", "new"), deleted=["1-1", "1-2"], seed=3))
        log.append("r", 4, write(Item("1-1", "new"), seed=4))
        expected, before = replayed(log), log.segments("r")
        assert log.compact("r", live_items=5) == 0  # there are 10 items
        assert log.compact("r", live_items=4) == 1
        assert replayed(log) == expected
        after = log.segments("r")
        assert [segment.items for segment in after] == [1, 4, 1, 1]
        assert after[1:] == before[1:]
        assert log.sweep("r") == 0

    def test_refuses_to_merge_what_was_changed_and_takes_nothing_away(self, blobs, in_parts):
        for seq in (1, 2, 3):
            in_parts.append("r", seq, write(Item(f"{seq}")))
        blobs.put("vdb/r/000000000002-000000000002-0000.vectors.f32", [bytes(8)])
        before = keys(blobs)
        with pytest.raises(SegmentCorrupt):
            in_parts.compact("r")
        assert keys(blobs) == before

    def test_for_want_of_space_leaves_all_as_it_was(self, blobs, in_parts):
        for seq in (1, 2, 3):
            in_parts.append("r", seq, write(Item(f"{seq}")))
        before, expected = keys(blobs), replayed(in_parts)
        blobs.room_bytes = sum(info.size_bytes for info in blobs.list("")) + 50
        with pytest.raises(OutOfSpace):
            in_parts.compact("r")
        assert keys(blobs) == before
        assert replayed(in_parts) == expected

    def test_merges_many_in_bounded_memory(self, tmp_path):
        log = SegmentLog(FileBlobs(tmp_path / "blobs"), "vdb", Policy((Tier(8 * MIB, 8),), 64 * MIB))
        for seq in range(8):
            log.append("r", seq, write(*(Item(f"{seq}-{n}", f"{n}") for n in range(250)), dim=4096))  # 4 MiB
        tracemalloc.start()
        try:
            assert log.compact("r") == 8
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        (merged,) = log.segments("r")
        assert (merged.items, merged.vectors.size_bytes) == (2000, 2000 * 4096 * 4)
        assert peak < 8 * MIB
