import gzip
import json
import tracemalloc
import zlib

import pytest

from llmanager.kernel.blobs import PIECE_BYTES
from llmanager.vdb import segments
from llmanager.vdb.entities import MAX_DIM, MAX_ITEMS_AT_ONCE, Item, Write
from llmanager.vdb.errors import SegmentCorrupt
from llmanager.vdb.segments import (
    INLINE_BYTES,
    Part,
    Segment,
    Span,
    gunzipped,
    gzipped,
    in_pieces,
    inline_part,
    live,
    manifest_bytes,
    row_lines,
    span_of,
    to_segment,
    vector_rows,
    writes,
)
from tests.unit.vdb.log_samples import vector, write

SEGMENT = Segment(Span(3, 5), items=2, deletes=1, dim=2, rows=inline_part(b"rows"), vectors=Part(16, "0" * 64))


class TestNames:
    def test_say_which_writes_they_hold_and_sort_as_those_do(self):
        assert Span(3, 25).blob("json") == "000000000003-000000000025-0000.json"
        assert str(Span(9, 9)) < str(Span(10, 11))

    @pytest.mark.parametrize("span", [Span(1, 1), Span(7, 123456789012, 12), Span(10**13, 10**13 + 1, 10_000)])
    def test_are_read_back(self, span):
        assert span_of(span.blob("rows.jsonl.gz")) == (span, "rows.jsonl.gz")

    @pytest.mark.parametrize("name", ["", "x.json", "1-2-3.json", "a/000000000001-000000000001-0000.json"])
    def test_of_others_are_none_of_ours(self, name):
        assert span_of(name) is None


class TestLive:
    def test_are_in_order_of_their_writes(self):
        assert live([Span(10, 10), Span(9, 9), Span(2, 8)]) == (Span(2, 8), Span(9, 9), Span(10, 10))

    @pytest.mark.parametrize("within", [Span(2, 2), Span(2, 5), Span(5, 9), Span(9, 9), Span(4, 4, 7)])
    def test_what_lies_within_another_is_superseded(self, within):
        assert live([within, Span(1, 1), Span(2, 9, 1), Span(10, 10)]) == (Span(1, 1), Span(2, 9, 1), Span(10, 10))

    def test_of_equal_spans_the_later_rewriting_counts(self):
        assert live([Span(1, 4), Span(1, 4, 2), Span(1, 4, 1)]) == (Span(1, 4, 2),)

    def test_of_nothing_is_nothing(self):
        assert live([]) == ()


class TestManifest:
    def test_reads_back_as_written(self):
        assert to_segment(SEGMENT.span, manifest_bytes(SEGMENT)) == SEGMENT

    def test_is_json_that_tells_a_stranger_all(self):
        assert json.loads(manifest_bytes(SEGMENT)) == {
            "format": 1,
            "first_seq": 3,
            "last_seq": 5,
            "items": 2,
            "deletes": 1,
            "dim": 2,
            "rows": {"bytes": 4, "sha256": inline_part(b"rows").sha256, "base64": "cm93cw=="},
            "vectors": {"bytes": 16, "sha256": "0" * 64},
        }

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('"first_seq": 3', '"first_seq": 4'),
            ('"last_seq": 5', '"last_seq": 6'),
            ('"items": 2', '"items": 3'),
            ('"dim": 2', '"dim": null'),
            ('"dim": 2', '"dim": "2"'),
            ("cm93cw==", "cm93dw=="),
            ("cm93cw==", "!"),
            ('"bytes": 4', '"bytes": 5'),
            ('"sha256"', '"sha265"'),
            ("}\n", "\n"),
        ],
    )
    def test_that_was_changed_is_refused(self, old, new):
        manifest = manifest_bytes(SEGMENT).decode()
        assert old in manifest
        with pytest.raises(SegmentCorrupt, match="damaged: the manifest of segment 000000000003-"):
            to_segment(SEGMENT.span, manifest.replace(old, new).encode())

    @pytest.mark.parametrize("manifest", [b"", b"\xff", b"[]", b"7"])
    def test_that_is_none_is_refused(self, manifest):
        with pytest.raises(SegmentCorrupt):
            to_segment(SEGMENT.span, manifest)

    def test_of_a_newer_version_says_so(self):
        manifest = manifest_bytes(SEGMENT).replace(b'"format": 1', b'"format": 2')
        with pytest.raises(SegmentCorrupt, match="Update LLManager"):
            to_segment(SEGMENT.span, manifest)

    def test_can_hold_one_vector_of_any_dimension(self):
        assert MAX_DIM * 4 <= INLINE_BYTES


class TestRows:
    def test_deleted_ids_come_first_each_a_line_of_its_own(self):
        change = write(Item("é", "a\nb", {"n": 1}, "s"), deleted=["x", "y"])
        assert [line.decode() for line in row_lines(change)] == [
            '{"deleted":"x"}',
            '{"deleted":"y"}',
            '{"id":"é","text":"a\\nb","metadata":{"n":1},"source":"s"}',
        ]

    @pytest.mark.parametrize(
        "metadata",
        [
            {"f": 0.1 + 0.2, "g": 1e-320, "h": 1.0, "i": -0.0, "big": 2**63, "j": 1},
            {"b": True, "n": None, "l": [1, [{}]], "": "\u2028\r\0 🦙", "id": 1, "deleted": "no"},
        ],
    )
    def test_metadata_reads_back_exactly(self, metadata):
        (change,) = writes(row_lines(write(Item("a", metadata=metadata))), iter([vector(1, 2)]), 2)
        assert json.dumps(change.items[0].metadata) == json.dumps(metadata)

    def test_what_json_cannot_say_is_refused(self):
        with pytest.raises(ValueError):
            list(row_lines(write(Item("a", metadata={"x": float("nan")}))))


class TestGzip:
    @pytest.mark.parametrize("lines", [[], [b""], [b"a", b"", b"b"], [b"x" * 100_000] * 50])
    def test_lines_read_back_however_they_are_cut(self, lines):
        packed = b"".join(gzipped(lines))
        assert gzip.decompress(packed) == b"".join(line + b"\n" for line in lines)
        for size in (1, 7, len(packed)):
            cut = (packed[at : at + size] for at in range(0, len(packed), size))
            assert list(gunzipped(cut)) == lines

    def test_equal_lines_are_equal_bytes_without_time_or_name(self):
        packed = b"".join(gzipped([b"a"]))
        assert packed == b"".join(gzipped([b"a"]))
        assert packed[3:8] == bytes(5)  # no flags, so no name; time 0

    def test_however_well_they_are_packed_a_piece_at_a_time_is_unpacked(self):
        packed = zlib.compress((b"x" * 65_535 + b"\n") * 320, wbits=31)  # 20 MiB in 20 KiB
        tracemalloc.start()
        try:
            assert sum(len(line) for line in gunzipped([packed])) == 320 * 65_535
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 6 * PIECE_BYTES


class TestPieces:
    def test_are_filled_from_small_chunks(self):
        assert [len(piece) for piece in in_pieces([b"x" * 1024] * 1500)] == [PIECE_BYTES, 476 * 1024]

    def test_of_nothing_are_none(self):
        assert list(in_pieces([b"", b""])) == []

    def test_vectors_are_found_across_them(self):
        rows = [vector(n, n + 0.5) for n in range(10)]
        data = b"".join(rows)
        for size in (1, 3, 8, 17, 80):
            assert list(vector_rows((data[at : at + size] for at in range(0, 80, size)), 2)) == rows


class TestWrites:
    def test_of_a_write_are_the_same_write(self):
        change = write(Item("a", "x"), Item("b", "y"), deleted=["c"])
        assert list(writes(row_lines(change), iter([change.vectors.row(0), change.vectors.row(1)]), 2)) == [change]

    def test_of_deletes_alone_need_no_vectors(self):
        assert list(writes(row_lines(Write(deleted_ids=("a",))), iter([]), None)) == [Write(deleted_ids=("a",))]

    def test_have_no_more_lines_than_one_may(self):
        change = write(*(Item(f"{n}") for n in range(MAX_ITEMS_AT_ONCE)), deleted=["x"], dim=1)
        found = list(writes(row_lines(change), vector_rows([change.vectors.data], 1), 1))
        assert [len(part.items) + len(part.deleted_ids) for part in found] == [MAX_ITEMS_AT_ONCE, 1]
        assert found[0].deleted_ids == ("x",)
        assert b"".join(part.vectors.data for part in found) == change.vectors.data

    def test_are_cut_before_they_take_much_memory(self, monkeypatch):
        monkeypatch.setattr(segments, "WRITE_BYTES", 250)
        change = write(*(Item(f"{n}", "x" * 60) for n in range(7)))
        found = list(writes(row_lines(change), vector_rows([change.vectors.data], 2), 2))
        assert [len(part.items) for part in found] == [3, 3, 1]
        assert tuple(item for part in found for item in part.items) == change.items
