"""The child beside its parent: who ends when, and what is told of it."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from llmanager.adapters.documents.limits import MIB, Limits
from llmanager.adapters.documents.reader import PACKAGE_ROOT, ChildDocumentReader, environment
from llmanager.kernel.errors import OutOfSpace
from llmanager.vdb.errors import DocumentUnreadable
from tests.fakes.eventually import eventually


def test_what_the_content_raises_passes_through(tmp_path):
    def gone():
        yield b"x"
        raise KeyError("gone")

    with pytest.raises(KeyError), ChildDocumentReader(tmp_path).open("a.txt", gone()):
        pass


def test_a_full_disk_is_told_as_such(tmp_path):
    def full():
        yield b"x"
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OutOfSpace), ChildDocumentReader(tmp_path).open("a.txt", full()):
        pass


def test_leaving_early_ends_the_child(tmp_path):
    with ChildDocumentReader(tmp_path).open("a.txt", [b"words " * MIB]) as blocks:
        next(blocks)
        (child,) = children()
    assert child not in children()


def test_silence_is_bounded(tmp_path):
    reader = ChildDocumentReader(tmp_path, Limits(silence_s=0.2))
    with reader.open("a.txt", [b"words " * MIB]) as blocks:
        (child,) = children()
        os.kill(child, signal.SIGSTOP)
        with pytest.raises(DocumentUnreadable, match=r"no text for 0\.2 s"):
            list(blocks)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a child ends with its next block")
def test_a_child_does_not_outlive_its_parent(tmp_path):
    program = f"""
import pathlib, sys
from llmanager.adapters.documents.reader import ChildDocumentReader
with ChildDocumentReader(pathlib.Path({str(tmp_path)!r})).open("a.txt", [b"words " * 1000000]) as blocks:
    next(blocks)
    print("reading", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout.readline() == "reading\n"
        (child,) = children(parent.pid)
        parent.kill()
    eventually(lambda: not is_running(child))


def test_a_child_that_ends_in_the_middle_is_a_broken_document(tmp_path):
    with ChildDocumentReader(tmp_path).open("a.txt", [b"words " * MIB]) as blocks:
        (child,) = children()
        os.kill(child, signal.SIGTERM)
        with pytest.raises(DocumentUnreadable, match="broken"):
            list(blocks)


def children(of: int | None = None) -> list[int]:
    found = map(int, _ps("--ppid", str(of or os.getpid()), show="pid").split())
    return [pid for pid in found if is_running(pid) and "adapters.documents" in _ps("-p", str(pid), show="args")]


def is_running(pid: int) -> bool:
    state = _ps("-p", str(pid), show="stat")
    return bool(state.strip()) and not state.startswith("Z")


def _ps(*which: str, show: str) -> str:
    return subprocess.run(["ps", "-o", f"{show}=", *which], capture_output=True, text=True, check=False).stdout


def test_a_python_that_is_a_library_is_found_in_the_child_too():
    """Lambda keeps libpython in /var/lang/lib, and tells of that by a variable alone."""
    own = {"PYTHONPATH": str(PACKAGE_ROOT)}
    assert environment("/var/lang", is_shared=True) == own | {"LD_LIBRARY_PATH": "/var/lang/lib"}
    assert environment("/usr", is_shared=False) == own
