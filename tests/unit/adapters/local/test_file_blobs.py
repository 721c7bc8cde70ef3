"""What only files can get wrong. What every Blobs must do: tests/contracts/test_blobs.py."""

import errno
import os
import shutil
import signal
import subprocess
import sys

import pytest

from llmanager.adapters.local.blob_files import UNFINISHED, name_of, part_of
from llmanager.adapters.local.file_blobs import FileBlobs
from llmanager.kernel.errors import BlobNotFound, OutOfSpace, Unavailable


class Disk:
    """Counts what is put on the disk, and fails when it is told to."""

    def __init__(self) -> None:
        self.flushed: list[str] = []
        self.failure: int | None = None

    def __call__(self, descriptor: int) -> None:
        if self.failure:
            raise OSError(self.failure, os.strerror(self.failure))
        is_folder = os.path.isdir(descriptor)
        self.flushed.append("folder" if is_folder else "file")
        os.fsync(descriptor)


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
def root(tmp_path):
    return tmp_path / "blobs"


@pytest.fixture
def blobs(root, disk):
    return FileBlobs(root, flush=disk)


def unfinished(root):
    return list((root / UNFINISHED).iterdir())


def files(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_a_blob_lies_under_its_key_for_its_owners_eyes(blobs, root):
    blobs.put("vdb/lm-a/000.json", [b"{}"])
    assert (root / "vdb/lm-a/000.json").read_bytes() == b"{}"
    assert (root / "vdb/lm-a/000.json").stat().st_mode & 0o077 == 0
    assert (root / "vdb/lm-a").stat().st_mode & 0o077 == 0


class TestFlushing:
    def test_a_put_flushes_its_file_then_its_folder(self, blobs, disk):
        blobs.put("vdb/a/1", [b"x"])
        disk.flushed.clear()
        blobs.put("vdb/a/2", [b"x", b"y"])
        assert disk.flushed == ["file", "folder"]

    def test_the_first_put_into_a_folder_flushes_the_ones_that_hold_it(self, blobs, disk):
        blobs.put("vdb/a/1", [b"x"])
        assert disk.flushed == ["file"] + ["folder"] * 4  # vdb, the root, what holds the root; and last its own
        disk.flushed.clear()
        blobs.put("vdb/b/1", [b"x"])
        assert disk.flushed == ["file", "folder", "folder"]

    def test_a_folder_that_an_earlier_process_made_is_not_trusted(self, blobs, root):
        blobs.put("vdb/a/1", [b"x"])
        disk = Disk()
        FileBlobs(root, flush=disk).put("vdb/a/2", [b"x"])
        assert len(disk.flushed) == 5

    def test_a_folder_that_was_removed_and_made_again_is_flushed_again(self, blobs, disk):
        blobs.put("vdb/a/1", [b"x"])
        blobs.delete("vdb/a/1")
        disk.flushed.clear()
        blobs.put("vdb/a/1", [b"x"])
        assert disk.flushed == ["file", "folder", "folder", "folder"]  # vdb, the root; and its own

    def test_a_delete_flushes_nothing(self, blobs, disk):
        blobs.put("a/1", [b"x"])
        disk.flushed.clear()
        blobs.delete("a/1")
        assert disk.flushed == []


class TestFolders:
    def test_that_a_delete_empties_go_but_not_the_root(self, blobs, root):
        blobs.put("a/b/c", [b"x"])
        blobs.put("a/d", [b"x"])
        blobs.delete("a/b/c")
        assert not (root / "a/b").exists()
        blobs.delete("a/d")
        assert [path.name for path in root.iterdir()] == [UNFINISHED]

    def test_that_a_crash_left_empty_are_in_nobodys_way(self, blobs, root):
        (root / "a/b").mkdir(parents=True)
        assert list(blobs.list("")) == []
        with pytest.raises(ValueError):
            blobs.put("a", [b"x"])  # not ours to clear: `a` holds something
        blobs.put("a/b", [b"x"])
        assert files(root) == ["a/b"]

    def test_that_vanish_while_a_put_goes_on_are_made_again(self, blobs, root):
        blobs.put("a/b/c", [b"x"])

        def pieces():
            yield b"new"
            shutil.rmtree(root / "a")  # as another process may

        blobs.put("a/b/c", pieces())
        assert b"".join(blobs.read("a/b/c")) == b"new"

    def test_files_that_are_no_blobs_are_not_listed(self, blobs, root):
        for name in (".DS_Store", "a b", "x+", "x+zz", "x+1+1", "X+1", "x+2"):
            (root / name).touch()
        blobs.put("a", [b"x"])
        assert [info.key for info in blobs.list("")] == ["a"]

    @pytest.mark.parametrize("part", ["a", "A", "aB", "ABC-def.GHI", "K" * 200, "..A", "%2F"])
    def test_names_tell_upper_case_apart_without_it(self, part):
        name = name_of(part)
        assert name == name.lower()
        assert len(name) <= 255
        assert part_of(name) == part


class TestADiskThatFails:
    @pytest.mark.parametrize(
        ("failure", "error", "says"),
        [
            (errno.ENOSPC, OutOfSpace, "full"),
            (errno.EDQUOT, OutOfSpace, "full"),
            (errno.EIO, Unavailable, "disk failed"),
            (errno.EROFS, Unavailable, "read-only"),
            (errno.EACCES, Unavailable, "LLMANAGER_HOME"),
            (errno.EMFILE, Unavailable, "too many files"),
            (errno.EBADF, OSError, "Bad file"),
        ],
    )
    def test_is_told_in_our_words_with_nothing_left_behind(self, blobs, root, disk, failure, error, says):
        blobs.put("a/old", [b"x"])
        disk.failure = failure
        with pytest.raises(error, match=says) as caught:
            blobs.put("a/new", [b"y" * 1000])
        assert str(root) not in str(caught.value)
        assert files(root) == ["a/old"]
        disk.failure = None
        blobs.put("a/new", [b"y"])
        assert files(root) == ["a/new", "a/old"]

    def test_full_in_the_middle_of_a_blob_leaves_the_old_one(self, root):
        done = subprocess.run(
            [sys.executable, "-m", "tests.unit.adapters.local.blob_children", "fill", str(root)],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        assert done.stdout.split() == ["OutOfSpace"]
        assert files(root) == ["a"]
        assert b"".join(FileBlobs(root).read("a")) == b"old"


class TestAWriterThatDies:
    @pytest.fixture
    def writer(self, root):
        """A process in the middle of a put."""
        command = [sys.executable, "-m", "tests.unit.adapters.local.blob_children", "put", str(root)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "half\n"
            yield process
            if process.poll() is None:
                process.kill()

    def test_leaves_nothing_that_is_listed_and_the_next_start_clears_it_away(self, root, writer):
        writer.send_signal(signal.SIGKILL)
        writer.wait(10)
        assert len(unfinished(root)) == 1
        blobs = FileBlobs(root)
        assert unfinished(root) == []
        assert list(blobs.list("")) == []
        with pytest.raises(BlobNotFound):
            blobs.read("a/b")

    def test_is_told_from_one_that_lives(self, root, writer):
        blobs = FileBlobs(root)
        assert len(unfinished(root)) == 1
        writer.stdin.write("on\n")
        writer.stdin.flush()
        assert writer.stdout.readline() == "done\n"
        assert b"".join(blobs.read("a/b")) == b"first second"
        assert unfinished(root) == []


def test_folders_that_a_dead_put_or_delete_left_empty_are_cleared_away_at_the_next_start(root):
    FileBlobs(root).put("vdb/kept/a", [b"x"])
    (root / "vdb" / "left" / "below").mkdir(parents=True)
    again = FileBlobs(root)
    assert sorted(path.name for path in (root / "vdb").iterdir()) == ["kept"]
    assert b"".join(again.read("vdb/kept/a")) == b"x"
