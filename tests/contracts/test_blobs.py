"""What every Blobs must do. An adapter joins in tests/contracts/blob_stores.py."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from llmanager.kernel.blobs import MAX_KEY_BYTES, MAX_PART_BYTES, PIECE_BYTES, BlobInfo
from llmanager.kernel.errors import BlobNotFound, Unavailable
from tests.contracts.blob_stores import ADAPTERS

LONG = "/".join(["K" * MAX_PART_BYTES] * 4 + ["k" * (MAX_KEY_BYTES - 4 * MAX_PART_BYTES - 4)])


@pytest.fixture(params=ADAPTERS)
def blobs(request, tmp_path):
    with ADAPTERS[request.param](tmp_path) as blobs:
        yield blobs


def content(blobs, key: str) -> bytes:
    return b"".join(blobs.read(key))


def keys(blobs, prefix: str = "") -> list[str]:
    return [info.key for info in blobs.list(prefix)]


class TestOneBlob:
    @pytest.mark.parametrize("pieces", [[], [b""], [b"one"], [b"on", b"", b"e\0\xff"], [b"x" * (3 * PIECE_BYTES + 7)]])
    def test_reads_back_as_written_and_tells_its_size(self, blobs, pieces):
        whole = b"".join(pieces)
        assert blobs.put("a/b", iter(pieces)) == len(whole)
        assert content(blobs, "a/b") == whole
        assert blobs.find("a/b") == BlobInfo("a/b", len(whole))

    def test_is_read_in_pieces_none_of_them_empty(self, blobs):
        blobs.put("a", [b"x" * (2 * PIECE_BYTES + 1)])
        assert [len(piece) for piece in blobs.read("a")] == [PIECE_BYTES, PIECE_BYTES, 1]

    def test_is_replaced_whole(self, blobs):
        blobs.put("a", [b"long, long"])
        blobs.put("a", [b"short"])
        assert content(blobs, "a") == b"short"
        assert blobs.find("a").size_bytes == 5

    def test_is_absent_until_written_and_after_its_delete(self, blobs):
        blobs.delete("a/b")
        assert blobs.find("a/b") is None
        blobs.put("a/b", [b"x"])
        blobs.delete("a/b")
        blobs.delete("a/b")
        assert blobs.find("a/b") is None
        assert keys(blobs) == []
        with pytest.raises(BlobNotFound):
            blobs.read("a/b")

    def test_that_is_absent_is_told_before_the_first_piece(self, blobs):
        with pytest.raises(BlobNotFound) as caught:
            blobs.read("secret")
        assert "secret" not in str(caught.value)

    def test_is_not_a_folder_and_a_folder_is_not_a_blob(self, blobs):
        blobs.put("a/b", [b"x"])
        for key in ("a", "a/b/c"):
            assert blobs.find(key) is None
            blobs.delete(key)
            with pytest.raises(BlobNotFound):
                blobs.read(key)
        assert keys(blobs) == ["a/b"]

    def test_can_be_begun_to_read_and_left(self, blobs):
        blobs.put("a", [b"x" * PIECE_BYTES, b"y"])
        blobs.read("a")
        pieces = blobs.read("a")
        next(pieces)
        del pieces  # a file left open would be a warning, and so a failure


@pytest.mark.parametrize(("adapter", "peak_pieces"), [("files", 4), ("s3-ministack", 32)])  # the others hold all blobs
def test_a_large_blob_takes_little_memory(adapter, peak_pieces, tmp_path):
    pieces = 64
    with ADAPTERS[adapter](tmp_path) as blobs:
        tracemalloc.start()
        try:
            blobs.put("large", (bytes([n]) * PIECE_BYTES for n in range(pieces)))
            assert [piece[:1] for piece in blobs.read("large")] == [bytes([n]) for n in range(pieces)]
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert blobs.find("large").size_bytes == pieces * PIECE_BYTES
    assert peak < peak_pieces * PIECE_BYTES


class TestAWriteThatFails:
    @staticmethod
    def breaking(error):
        yield b"x" * PIECE_BYTES
        raise error

    @pytest.mark.parametrize("error", [Unavailable("gone"), OSError("gone"), KeyboardInterrupt()], ids=type)
    def test_wrote_nothing_and_raises_what_its_pieces_raised(self, blobs, error):
        with pytest.raises(type(error)) as caught:
            blobs.put("a/b", self.breaking(error))
        assert caught.value is error
        assert blobs.find("a/b") is None
        assert keys(blobs) == []

    def test_leaves_what_was_there(self, blobs):
        blobs.put("a", [b"old"])
        with pytest.raises(Unavailable):
            blobs.put("a", self.breaking(Unavailable("gone")))
        assert content(blobs, "a") == b"old"

    def test_is_not_there_before_its_last_piece(self, blobs):
        def pieces():
            yield b"x"
            assert blobs.find("a") is None
            assert keys(blobs) == []
            yield b"y"

        blobs.put("a", pieces())
        assert keys(blobs) == ["a"]


class TestKeys:
    @pytest.mark.parametrize("key", ["a", "A-1_b.c=%2F", "...", ".a", "a.", "-", LONG])
    def test_are_letters_digits_and_some_signs_in_parts(self, blobs, key):
        blobs.put(key, [b"x"])
        assert keys(blobs) == [key]
        assert content(blobs, key) == b"x"

    @pytest.mark.parametrize(
        "key",
        [
            *(
                "",
                "/",
                "/a",
                "a/",
                "a//b",
                ".",
                "..",
                "../a",
                "a/..",
                "a/./b",
                "a b",
                "a\n",
                "a\0",
                "é",
                "a\\b",
                "~a",
                "a+b",
            ),
            *("k" * (MAX_PART_BYTES + 1), LONG + "k"),
        ],
    )
    def test_are_refused_otherwise_by_every_call(self, blobs, key):
        blobs.put("there", [b"x"])
        for call in (lambda: blobs.put(key, []), *(lambda c=c: c(key) for c in (blobs.read, blobs.find, blobs.delete))):
            with pytest.raises(ValueError):
                call()
        assert keys(blobs) == ["there"]

    def test_differ_by_case(self, blobs):
        for key in ("a/b", "A/b", "a/B", "aB/b", "Ab/b"):
            blobs.put(key, [key.encode()])
        assert keys(blobs) == ["A/b", "Ab/b", "a/B", "a/b", "aB/b"]
        assert [content(blobs, key).decode() for key in keys(blobs)] == keys(blobs)

    @pytest.mark.parametrize(("there", "refused"), [("a/b", "a"), ("a", "a/b"), ("a", "a/b/c"), ("a/b/c", "a")])
    def test_that_would_be_a_blob_and_a_folder_are_refused(self, blobs, there, refused):
        blobs.put(there, [b"x"])
        with pytest.raises(ValueError):
            blobs.put(refused, [b"y"])
        assert keys(blobs) == [there]
        blobs.delete(there)
        blobs.put(refused, [b"y"])
        assert keys(blobs) == [refused]


class TestList:
    def test_is_in_order_of_the_keys_bytes(self, blobs):
        sorted_keys = sorted(["a", "a-b", "a.b/c", "ab", "b/A", "b/a", "b-", "b/a1/x", "b/a-", "b0", "Z", "%", "_"])
        for key in reversed(sorted_keys):
            blobs.put(key, [b"x"])
        assert keys(blobs) == sorted_keys

    def test_is_by_prefix_which_may_end_within_a_part(self, blobs):
        for key in ("v/a/1", "v/ab/1", "v/ab/2", "v/b", "va"):
            blobs.put(key, [b"x"])
        assert keys(blobs, "v/a") == ["v/a/1", "v/ab/1", "v/ab/2"]
        assert keys(blobs, "v/a/") == ["v/a/1"]
        assert keys(blobs, "v/ab/2") == ["v/ab/2"]
        assert keys(blobs, "v/ab/2/") == []
        assert keys(blobs, "none/of/these") == []

    def test_tells_sizes(self, blobs):
        blobs.put("a", [b"12", b"345"])
        assert list(blobs.list("")) == [BlobInfo("a", 5)]

    @pytest.mark.parametrize("prefix", ["../", "/", "a/../b", "a//b"])
    def test_goes_nowhere_else(self, blobs, prefix):
        with pytest.raises(ValueError):
            list(blobs.list(prefix))

    def test_may_go_on_while_what_it_tells_is_deleted(self, blobs):
        for n in range(5):
            blobs.put(f"a/{n}", [b"x"])
        for info in blobs.list("a/"):
            blobs.delete(info.key)
        assert keys(blobs) == []


class TestSideBySide:
    def test_of_many_writers_of_one_blob_one_is_the_last(self, blobs):
        written = [bytes([n]) * 100_000 for n in range(12)]
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda data: blobs.put("a/b", [data[:50_000], data[50_000:]]), written))
        assert content(blobs, "a/b") in written
        assert keys(blobs) == ["a/b"]

    def test_a_folder_is_emptied_and_filled_at_once_without_loss(self, blobs):
        def write_and_delete(writer: int) -> None:
            for n in range(30):
                key = f"deep/down/{writer}-{n}"
                blobs.put(key, [b"x"])
                assert blobs.find(key)
                if n < 29:
                    blobs.delete(key)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(write_and_delete, range(6)))
        assert keys(blobs) == [f"deep/down/{writer}-29" for writer in range(6)]

    @pytest.mark.parametrize("change", ["delete", "replace"])
    def test_a_reader_gets_the_old_bytes_or_a_clean_error(self, blobs, change):
        old = [b"a" * PIECE_BYTES, b"b" * PIECE_BYTES]
        blobs.put("a", old)
        pieces = blobs.read("a")
        first = next(pieces)
        if change == "delete":
            blobs.delete("a")
        else:
            blobs.put("a", [b"new"])
        try:
            assert [first, *pieces] == old
        except (BlobNotFound, Unavailable):
            assert first == old[0]
