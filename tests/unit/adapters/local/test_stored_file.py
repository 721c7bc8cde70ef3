"""A file is complete when a marker beside it fits."""

import os
from pathlib import Path

import pytest

from llmanager.adapters.local.stored_file import marker_path, read_marker, renew_marker, sha256_of, write_marker


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"weights")
    write_marker(path, sha256_of(path), is_choice=True)
    return path


def test_a_marked_file_is_complete(file: Path):
    marker = read_marker(file)

    assert marker is not None
    assert (marker.sha256, marker.size_bytes, marker.is_choice) == (sha256_of(file), 7, True)


def test_a_touched_file_is_not_until_its_content_was_checked_again(file: Path):
    os.utime(file, ns=(1, 1))

    assert read_marker(file) is None
    assert renew_marker(file) == read_marker(file) is not None


def test_a_changed_file_is_not(file: Path):
    file.write_bytes(b"weighty")
    os.utime(file, ns=(1, 1))

    assert read_marker(file) is None
    assert renew_marker(file) is None


def test_a_file_of_another_size_is_not(file: Path):
    file.write_bytes(b"weights and more")

    assert renew_marker(file) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"sha256": "x"}', b'{"other": 1}'])
def test_a_broken_marker_is_none(file: Path, content: bytes):
    marker_path(file).write_bytes(content)

    assert read_marker(file) is None
    assert renew_marker(file) is None


def test_a_marker_without_its_file_is_none(file: Path):
    file.unlink()

    assert read_marker(file) is None
    assert renew_marker(file) is None
