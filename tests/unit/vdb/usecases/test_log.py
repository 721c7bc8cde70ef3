import random
import tracemalloc

import pytest

from llmanager.adapters.local.file_blobs import FileBlobs
from llmanager.kernel.errors import Conflict, OutOfSpace, Throttled, Unavailable
from llmanager.vdb.compaction import MIB, Policy, Tier
from llmanager.vdb.entities import Item, Vectors, Write
from llmanager.vdb.errors import SegmentCorrupt, SegmentGone
from llmanager.vdb.usecases.log import SegmentLog
from tests.fakes.blobs import FakeBlobs
from tests.unit.vdb.log_samples import replayed, write

LARGE = random.Random(0).randbytes(9_000).hex()  # packs badly
SMALL = Policy((Tier(10_000, 3),), max_bytes=30_000)


@pytest.fixture
def blobs():
    return FakeBlobs()


@pytest.fixture(params=[0, 16 * 1024], ids=["parts", "inline"])
def log(request, blobs):
    """With parts as blobs of their own, and with parts in the manifest."""
    return SegmentLog(blobs, "vdb", SMALL, inline_bytes=request.param)


@pytest.fixture
def in_parts(blobs):
    return SegmentLog(blobs, "vdb", SMALL, inline_bytes=0)


def keys(blobs) -> list[str]:
    return [info.key for info in blobs.list("")]


def first_items(log) -> list[str]:
    return [next(log.read("r", segment)).items[0].id for segment in log.segments("r")]


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
        assert first_items(log) == ["2", "9", "10", "100"]

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


class TestRead:
    def test_gives_a_large_segment_in_bounded_pieces(self, tmp_path):
        log = SegmentLog(FileBlobs(tmp_path / "blobs"), "vdb")
        change = write(*(Item(f"{n}", f"{n}") for n in range(5000)), dim=1024)  # 20 MiB
        segment = log.append("r", 1, change)
        tracemalloc.start()
        try:
            ids = [item.id for part in log.read("r", segment) for item in part.items]
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert ids == [item.id for item in change.items]
        assert peak < 40 * 1024 * 1024  # twice WRITE_BYTES, joined

    @pytest.mark.parametrize("ending", ["rows.jsonl.gz", "vectors.f32"])
    @pytest.mark.parametrize("damage", [lambda data: data[:-1] + bytes([data[-1] ^ 1]), lambda data: data[:-1]])
    def test_of_changed_bytes_gives_nothing(self, blobs, in_parts, ending, damage):
        segment = in_parts.append("r", 1, write(Item("a", "secret")))
        key = f"vdb/r/000000000001-000000000001-0000.{ending}"
        blobs.put(key, [damage(b"".join(blobs.read(key)))])
        with pytest.raises(SegmentCorrupt, match=ending) as caught:
            next(in_parts.read("r", segment))
        assert "secret" not in str(caught.value)

    def test_of_a_changed_manifest_is_refused(self, blobs, log):
        log.append("r", 1, write(Item("a")))
        blobs.put("vdb/r/000000000001-000000000001-0000.json", [b"{}"])
        with pytest.raises(SegmentCorrupt):
            log.segments("r")

    def test_of_a_segment_that_was_merged_away_says_so_and_beginning_again_helps(self, blobs, in_parts):
        for seq in range(1, 4):
            in_parts.append("r", seq, write(Item(f"{seq}")))
        before = in_parts.segments("r")
        expected = replayed(in_parts)
        assert in_parts.compact("r") == 3
        with pytest.raises(SegmentGone):
            list(in_parts.read("r", before[1]))
        assert replayed(in_parts) == expected

    def test_of_one_that_goes_between_its_rows_and_its_vectors_gives_nothing_wrong(self, blobs, in_parts):
        segment = in_parts.append("r", 1, write(Item("a")))

        def remove(call: str, key: str) -> None:
            if call == "read" and key.endswith("f32"):
                blobs.before = lambda *_: None
                in_parts.drop("r")

        blobs.before = remove
        with pytest.raises(SegmentGone):
            list(in_parts.read("r", segment))

    def test_passes_on_what_is_retryable(self, blobs, log):
        segment = log.append("r", 1, write(Item("a")))
        blobs.down = Throttled("Busy.")
        for call in (lambda: log.segments("r"), lambda: log.drop("r"), log.resources, lambda: log.compact("r")):
            with pytest.raises(Throttled):
                call()
        blobs.down = None
        assert log.segments("r") == (segment,)

    def test_that_breaks_in_the_middle_says_so(self, blobs, in_parts):
        segment = in_parts.append("r", 1, write(Item("a")))
        blobs.breaks_after = 0
        with pytest.raises(Unavailable):
            list(in_parts.read("r", segment))


class TestSegmentsBesideACompaction:
    """A list that takes its time can miss both a merged segment and those within it."""

    def test_are_asked_for_again_until_they_are_of_one_moment(self, blobs, log):
        for seq in range(1, 5):
            log.append("r", seq, write(Item(f"{seq}")))
        expected = replayed(log)

        def compact(call: str, key: str) -> None:
            if call == "read":
                blobs.before = lambda *_: None
                log.compact("r")

        blobs.before = compact
        assert [segment.items for segment in log.segments("r")] == [4]
        assert replayed(log) == expected

    def test_are_given_up_if_they_never_are(self, blobs, log):
        seqs = iter(range(1, 100))
        log.append("r", next(seqs), write(Item("a")))

        def change(call: str, key: str) -> None:
            if call == "list":
                blobs.before, before = lambda *_: None, blobs.before
                log.append("r", next(seqs), write(Item("a")))
                blobs.before = before

        blobs.before = change
        with pytest.raises(SegmentGone):
            log.segments("r")


class TestTakingAway:
    def test_remove_takes_the_last_append_back(self, log, blobs):
        log.append("r", 1, write(Item("a")))
        before = keys(blobs)
        segment = log.append("r", 2, write(Item("b")))
        log.remove("r", segment)
        log.remove("r", segment)
        assert keys(blobs) == before

    def test_remove_that_is_interrupted_leaves_no_half(self, blobs, in_parts):
        segment = in_parts.append("r", 1, write(Item("a")))

        def break_off(call: str, key: str) -> None:
            if call == "delete" and not key.endswith(".json"):
                raise Unavailable("Gone.")

        blobs.before = break_off
        with pytest.raises(Unavailable):
            in_parts.remove("r", segment)
        assert in_parts.segments("r") == ()

    def test_drop_removes_everything_of_one_resource_and_again(self, log, blobs):
        for resource in ("r", "r2"):
            for seq in (1, 2):
                log.append(resource, seq, write(Item("a")))
        blobs.put("vdb/r/what-is-this", [b"x"])
        log.drop("r")
        log.drop("r")
        assert log.resources() == ("r2",)
        assert {key.split("/")[1] for key in keys(blobs)} == {"r2"}

    def test_drop_that_is_interrupted_leaves_no_half_segment(self, blobs, in_parts):
        for seq in (1, 2):
            in_parts.append("r", seq, write(Item("a")))
        gone = []

        def break_off(call: str, key: str) -> None:
            if call == "delete" and len(gone) == 3:
                raise Unavailable("Gone.")
            if call == "delete":
                gone.append(key)

        blobs.before = break_off
        with pytest.raises(Unavailable):
            in_parts.drop("r")
        assert in_parts.segments("r") == ()
        assert in_parts.resources() == ("r",)
        blobs.before = lambda *_: None
        in_parts.drop("r")
        assert in_parts.resources() == ()

    def test_resources_are_told_by_whatever_they_hold(self, blobs, log):
        assert log.resources() == ()
        for resource in ("b", "a"):
            log.append(resource, 1, write(Item("a")))
            log.append(resource, 2, write(Item("a")))
        blobs.put("vdb/c/000000000001-000000000001-0000.vectors.f32", [b"x"])
        blobs.put("vdbs/d/e", [b"x"])
        assert log.resources() == ("a", "b", "c")


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
