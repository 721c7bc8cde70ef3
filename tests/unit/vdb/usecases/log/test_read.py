import tracemalloc

import pytest

from llmanager.adapters.local.file_blobs import FileBlobs
from llmanager.kernel.errors import Throttled, Unavailable
from llmanager.vdb.entities import Item
from llmanager.vdb.errors import SegmentCorrupt, SegmentGone
from llmanager.vdb.usecases.log import SegmentLog
from tests.fakes.blobs import FakeBlobs
from tests.unit.vdb.log_samples import replayed, write


class TornBlobs(FakeBlobs):
    """Its next list misses some keys, as one that takes long may when they come while it goes on."""

    missed: frozenset[str] | set[str] = frozenset()

    def list(self, prefix: str):
        missed, self.missed = self.missed, frozenset()
        return iter([info for info in super().list(prefix) if info.key not in missed])


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

    @pytest.mark.parametrize("ending", ["rows.jsonl.gz", "vectors.f32"])
    def test_of_one_that_lost_a_part_tells_damage(self, blobs, in_parts, ending):
        """Nobody removes a part before the manifest."""
        segment = in_parts.append("r", 1, write(Item("a")))
        blobs.delete(f"vdb/r/{segment.span}.{ending}")
        for call in (lambda: list(in_parts.read("r", segment)), lambda: in_parts.check("r")):
            with pytest.raises(SegmentCorrupt, match=ending):
                call()

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

    def test_are_not_what_a_torn_list_says(self):
        blobs = TornBlobs()
        log = SegmentLog(blobs, "vdb")
        for seq in (1, 2, 3):
            log.append("r", seq, write(Item(f"{seq}")))
        blobs.missed = {"vdb/r/000000000003-000000000003-0000.json"}
        assert [segment.first_seq for segment in log.segments("r")] == [1, 2, 3]

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
