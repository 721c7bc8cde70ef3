import pytest

from llmanager.vdb.entities import Hit, Item
from llmanager.vdb.fusion import fuse


def hits(names: str, vectors: bool = False) -> list[Hit]:
    return [Hit(Item(name), 100.0 - n, name.encode() if vectors else None) for n, name in enumerate(names)]


def names(fused) -> str:
    return "".join(hit.item.id for hit in fused)


def test_what_both_lists_have_comes_before_what_one_has_first():
    fused = fuse([hits("abc"), hits("xcb")], k=9)
    assert names(fused) == "bcax"
    assert [hit.score for hit in fused] == pytest.approx([1 / 62 + 1 / 63, 1 / 63 + 1 / 62, 1 / 61, 1 / 61])


def test_being_first_in_both_is_best():
    assert fuse([hits("ab"), hits("ac")], k=1) == (Hit(Item("a"), 2 / 61),)


def test_own_scores_do_not_count():
    assert names(fuse([[Hit(Item("b"), 1e9)], [Hit(Item("a"), 1e-9)]], k=2)) == "ab"


def test_only_k_are_given():
    assert names(fuse([hits("abcdef"), hits("fedcba")], k=2)) == "af"


def test_empty_lists_take_no_part():
    assert names(fuse([hits("ab"), []], k=5)) == "ab"
    assert fuse([[], []], k=5) == ()
    assert fuse([], k=5) == ()


@pytest.mark.parametrize("lists", [[hits("a", vectors=True), hits("a")], [hits("a"), hits("a", vectors=True)]])
def test_a_vector_that_one_list_has_is_kept(lists):
    assert fuse(lists, k=1)[0].vector == b"a"
