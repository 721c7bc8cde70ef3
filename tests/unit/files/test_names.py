"""What a file may be called."""

import pytest

from llmanager.files.entities import checked_filename
from llmanager.kernel.errors import InvalidInput


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "a.txt",
        "bucket/folder/name.txt",
        ".hidden",
        "...",
        "a b.txt",
        "Ünïcödé/文档/🦙.md",
        "a#b?c%d",
        "x" * 255,
        "/".join(["x" * 127] * 4),
    ],
)
def test_names_like_paths_are_taken_as_they_are(name):
    assert checked_filename(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *["", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "s3://bucket/key"],
        *["a\\b", "a\x00b", "a\nb", "\x7f", "\x85", "a\u2028b", "\ud800"],
        *[" a", "a ", "a/ b", "a /b", " "],
        *["x" * 256, "é" * 128, "/".join(["x" * 128] * 4)],
    ],
    ids=ascii,
)
def test_a_name_that_is_no_plain_path_is_refused_and_not_repeated(name):
    with pytest.raises(InvalidInput, match="Give a name such as") as refusal:
        checked_filename(name)
    assert refusal.value.param == "filename"


def test_two_ways_to_write_one_name_are_one_name():
    assert checked_filename("cafe\u0301.txt") == checked_filename("caf\u00e9.txt") == "caf\u00e9.txt"
