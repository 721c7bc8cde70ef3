import pytest

from llmanager.kernel.errors import Conflict, OutOfSpace, Throttled, Unavailable
from llmanager.vdb.entities import Item, Vectors, Write
from llmanager.vdb.usecases.log import SegmentLog
from tests.unit.vdb.log_samples import LARGE, keys, replayed, write


class TestAppend:
    def test_is_read_back_exactly(self, log):
        change = write(Item("a", "x", {"n": 0.1}, "s.pdf"), Item("b"), deleted=["c", "d"])
        segment = log.append("r", 7, change)
        assert (segment.first_seq, segment.last_seq, segment.items, segment.deletes) == (7, 7, 2, 2)
        assert segment.size_bytes > 16
        assert log.segments("r") == (segment,)
        assert list(log.read("r", segment)) == [change]

    def test_of_deletes_alone(self, log):
        segment = log.append("r", 1, Write(deleted_ids=("a",)))
        assert list(log.read("r", segment)) == [Write(deleted_ids=("a",))]

    def test_numbers_tell_the_order_and_may_have_gaps(self, log):
        for seq in (2, 9, 10, 100):
            log.append("r", seq, write(Item(f"{seq}")))
        assert [segment.first_seq for segment in log.segments("r")] == [2, 9, 10, 100]
        assert [next(log.read("r", segment)).items[0].id for segment in log.segments("r")] == ["2", "9", "10", "100"]

    def test_of_a_number_that_is_taken_is_refused(self, log):
        segment = log.append("r", 1, write(Item("a")))
        with pytest.raises(Conflict):
            log.append("r", 1, write(Item("b")))
        assert log.segments("r") == (segment,)

    def test_of_items_without_their_vectors_is_a_bug(self, log, blobs):
        for change in (Write((Item("a"),)), Write((Item("a"),), Vectors(2, bytes(16)))):
            with pytest.raises(ValueError):
                log.append("r", 1, change)
        assert keys(blobs) == []

    def test_a_small_one_is_one_blob_and_a_large_one_three(self, blobs):
        log = SegmentLog(blobs, "vdb")
        log.append("r", 1, write(Item("a", "x" * 5000), dim=384))
        assert keys(blobs) == ["vdb/r/000000000001-000000000001-0000.json"]
        log.append("q", 1, write(*(Item(f"{n}", LARGE[n:] + LARGE) for n in range(100)), dim=384))
        assert [key.partition(".")[2] for key in keys(blobs) if "/q/" in key] == [
            "json",
            "rows.jsonl.gz",
            "vectors.f32",
        ]

    def test_equal_writes_are_equal_bytes(self, blobs, in_parts):
        for resource in ("q", "r"):
            in_parts.append(resource, 1, write(Item("a", "x"), deleted=["b"]))
        written = [b"".join(blobs.read(key)) for key in keys(blobs)]
        assert written[:3] == written[3:]

    def test_resources_do_not_see_each_other(self, log):
        log.append("r", 1, write(Item("a")))
        assert log.segments("r2") == ()

    def test_each_prefix_is_a_log_of_its_own(self, blobs, log):
        log.append("r", 1, write(Item("a")))
        assert SegmentLog(blobs, "embedded/acme").segments("r") == ()


class TestAnAppendThatFails:
    @pytest.mark.parametrize("kept", [0, 1, 2])
    def test_for_want_of_space_leaves_nothing(self, blobs, in_parts, kept):
        """However many of its three blobs still fit."""
        change = write(Item("a", "x" * 100))
        in_parts.append("r", 1, change)
        sizes = {info.key.partition(".")[2]: info.size_bytes for info in blobs.list("")}
        before = keys(blobs)
        blobs.room_bytes = sum(sizes.values()) + [0, sizes["rows.jsonl.gz"], sizes["rows.jsonl.gz"] + 8][kept]
        with pytest.raises(OutOfSpace):
            in_parts.append("r", 2, change)
        assert keys(blobs) == before

    def test_after_its_manifest_was_written_is_taken_back(self, blobs, log):
        def lose_the_answer(call: str, key: str) -> None:
            if call == "put" and key.endswith(".json"):
                raise Unavailable("No answer.")

        blobs.after = lose_the_answer
        with pytest.raises(Unavailable):
            log.append("r", 1, write(Item("a")))
        assert keys(blobs) == []

    def test_tells_why_though_cleaning_up_fails_too(self, blobs, in_parts):
        def fail(call: str, key: str) -> None:
            if key.endswith(".json") and call == "put":
                raise OutOfSpace("Full.")
            if call == "delete":
                raise Throttled("Busy.")

        blobs.before = fail
        with pytest.raises(OutOfSpace):
            in_parts.append("r", 1, write(Item("a")))
        assert len(keys(blobs)) == 2
        assert in_parts.segments("r") == ()

    def test_whose_answer_and_whose_cleaning_up_are_lost_is_there_whole(self, blobs, in_parts):
        def lose_the_answer(call: str, key: str) -> None:
            if call == "put" and key.endswith(".json"):
                blobs.before = keep_the_manifest
                raise Unavailable("No answer.")

        def keep_the_manifest(call: str, key: str) -> None:
            if key.endswith(".json"):
                raise Throttled("Busy.")

        blobs.after = lose_the_answer
        with pytest.raises(Unavailable):
            in_parts.append("r", 1, write(Item("a")))
        blobs.before = lambda *_: None
        assert list(replayed(in_parts)) == ["a"]

    def test_leaves_parts_that_no_reader_sees_and_a_sweep_removes(self, blobs, in_parts):
        segment = in_parts.append("r", 1, write(Item("a")))
        in_parts.append("r", 2, write(Item("b")))
        blobs.delete("vdb/r/000000000002-000000000002-0000.json")  # as if it had not been written
        assert in_parts.segments("r") == (segment,)
        assert in_parts.sweep("r") == 2
        assert len(keys(blobs)) == 3
        assert in_parts.sweep("r") == 0

    def test_can_be_repeated_with_the_same_number(self, blobs, in_parts):
        in_parts.append("r", 1, write(Item("old")))
        blobs.delete("vdb/r/000000000001-000000000001-0000.json")
        in_parts.append("r", 1, write(Item("new", "x" * 99)))
        assert list(replayed(in_parts)) == ["new"]
