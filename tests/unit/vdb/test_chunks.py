import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmanager.adapters.documents.splitter import BorderSplitter
from llmanager.vdb.chunks import (
    PORTION_CHARACTERS,
    PORTION_ITEMS,
    WINDOW_CHARACTERS,
    Ended,
    Portion,
    chunk_ids,
    chunks,
    portions,
)
from llmanager.vdb.entities import MAX_ID_BYTES, Block, Chunking, Item, Strategy

SPLITTER = BorderSplitter()


def cut(*blocks: Block, name: str = "a.txt", size: int = 100, overlap: int = 0) -> list[Item]:
    return list(chunks(name, blocks, Chunking(Strategy.RECURSIVE, size, overlap), SPLITTER))


def test_small_neighbours_with_the_same_metadata_are_one_text():
    (item,) = cut(Block("One.\n\n", {"title": "T"}), Block("Two.", {"title": "T"}))
    assert item == Item("a.txt#000000", "One.\n\nTwo.", {"title": "T", "chunk": 0}, "a.txt")


def test_pages_and_records_stay_apart():
    pages = cut(Block("One.", {"page": 1}), Block("Two.", {"page": 2}))
    records = cut(Block("One.", is_record=True), Block("Two.", is_record=True), Block("Three."))
    assert [(item.text, item.metadata) for item in pages] == [
        ("One.", {"page": 1, "chunk": 0}),
        ("Two.", {"page": 2, "chunk": 1}),
    ]
    assert [item.text for item in records] == ["One.", "Two.", "Three."]


def test_a_long_record_is_cut_and_keeps_its_metadata_in_every_chunk():
    items = cut(Block("word " * 100, {"row": 7}, is_record=True))
    assert len(items) == 5
    assert {item.metadata["row"] for item in items} == {7}


def test_markdown_is_known_by_its_name():
    text = "# One\n" + "word " * 12 + "\n# Two\nword word\n\n" + "word " * 12
    assert cut(Block(text), name="a.MD")[1].text.startswith("# Two")
    assert not cut(Block(text), name="a.txt")[1].text.startswith("# Two")


def test_a_long_name_makes_ids_that_fit_and_differ():
    names = ["ü" * 400, "ü" * 401]
    ids = {cut(Block("x"), name=name)[0].id for name in names}
    assert len(ids) == 2
    assert all(len(id_.encode()) <= MAX_ID_BYTES for id_ in ids)
    assert {next(chunk_ids(name, 0, 1)) for name in names} == ids


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 9000), min_size=1, max_size=12), st.sampled_from(Strategy), st.integers(0, 40))
def test_where_blocks_end_does_not_show(sizes, strategy, overlap):
    """Cut anywhere, a text gives the chunks that it gives whole, but where a window ends."""
    text = " ".join(f"w{n:05}." for n in range(sum(sizes) // 8 + 1))
    ends = [0, *itertools.accumulate(sizes), len(text)]
    blocks = [Block(text[start:end]) for start, end in itertools.pairwise(ends)]
    chunking = Chunking(strategy, 100, overlap)
    items = list(chunks("a.txt", blocks, chunking, SPLITTER))
    assert {word for item in items for word in item.text.split() if len(word) == 7} >= (
        set(text.split()) if strategy is not Strategy.FIXED else set()
    )
    assert all(len(item.text) <= 100 for item in items)
    for before, after in itertools.pairwise(items):  # whatever the windows were, neighbours join without a gap
        at = text.index(before.text)
        assert text.index(after.text, at) <= at + len(before.text) + 1


@pytest.mark.parametrize("unit", ["\n", " ", "x", "x\n\n\n\n\n\n\n\n"])
def test_only_a_window_is_in_memory(unit):
    longest = 0

    class Watching(BorderSplitter):
        def split(self, text, chunking, *, is_markdown=False):
            nonlocal longest
            longest = max(longest, len(text))
            return super().split(text, chunking, is_markdown=is_markdown)

    blocks = (Block(unit * (10_000 // len(unit))) for _ in range(200))
    for _ in chunks("a.txt", blocks, Chunking(), Watching()):
        pass
    assert 0 < longest < 3 * WINDOW_CHARACTERS


def item(number: int, characters: int = 1) -> Item:
    return Item(str(number), "x" * characters)


def test_portions_are_bounded_by_items_and_by_text():
    by_count = list(portions(item(n) for n in range(PORTION_ITEMS + 1)))
    by_size = list(portions(item(n, PORTION_CHARACTERS // 2) for n in range(3)))
    assert [len(portion.items) for portion in by_count] == [PORTION_ITEMS, 1]
    assert [len(portion.items) for portion in by_size] == [2, 1]


def test_a_document_ends_in_the_portion_of_its_last_item():
    entries = [*(item(n) for n in range(PORTION_ITEMS)), Ended("a", 256), item(256), Ended("b", 1)]
    first, second = portions(entries)
    assert first.ended == (Ended("a", 256),)
    assert second == Portion((item(256),), (Ended("b", 1),))


def test_ends_without_items_do_not_pile_up():
    found = list(portions(Ended(str(n), 0) for n in range(2 * PORTION_ITEMS + 1)))
    assert [len(portion.ended) for portion in found] == [PORTION_ITEMS, PORTION_ITEMS, 1]
    assert list(portions([])) == []
