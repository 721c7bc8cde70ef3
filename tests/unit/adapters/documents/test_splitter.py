import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmanager.adapters.documents.splitter import BorderSplitter
from llmanager.vdb.entities import Chunking, Strategy

SPLITTER = BorderSplitter()

texts = st.text(st.sampled_from("ab. !?\n\n  \t。é#\"'🦙A-"), max_size=400) | st.text(max_size=200)


@st.composite
def chunkings(draw):
    size = draw(st.integers(4, 60))
    return Chunking(draw(st.sampled_from(Strategy)), size, draw(st.integers(0, size // 2)))


@settings(max_examples=300, deadline=None)
@given(texts, chunkings(), st.booleans())
def test_no_word_is_lost_and_no_chunk_is_blank_or_too_long(text, chunking, is_markdown):
    chunks = SPLITTER.split(text, chunking, is_markdown=is_markdown)
    assert all(chunk.strip() and len(chunk) <= chunking.size for chunk in chunks)
    covered, start = set(), 0
    for chunk in chunks:  # in order, each where it may be found behind the beginning of the one before it
        start = text.index(chunk, start)
        covered |= set(range(start, start + len(chunk)))
    missed = {n for n, character in enumerate(text) if not character.isspace()} - covered
    assert not missed or (chunks != [] and _occurs_twice(text, chunks))


def _occurs_twice(text, chunks) -> bool:
    """Where a chunk's text is there more than once, `index` may have taken the wrong one: count characters instead."""
    of_text = [c for c in text if not c.isspace()]
    of_chunks = [c for chunk in chunks for c in chunk if not c.isspace()]
    return all(of_chunks.count(c) >= of_text.count(c) for c in set(of_text))


@settings(max_examples=100, deadline=None)
@given(texts, chunkings())
def test_the_same_text_is_always_cut_alike(text, chunking):
    assert SPLITTER.split(text, chunking) == BorderSplitter().split(text, chunking)


def recursive(size: int, overlap: int = 0) -> Chunking:
    return Chunking(Strategy.RECURSIVE, size, overlap)


def test_a_text_that_fits_is_one_chunk():
    assert SPLITTER.split(" One line.\n\nAnother.\n", recursive(40)) == ["One line.\n\nAnother."]


def test_the_largest_border_that_fits_is_taken():
    text = "First words here. Second ones.\n\nThird ones here. Fourth."
    assert SPLITTER.split(text, recursive(50)) == ["First words here. Second ones.", "Third ones here. Fourth."]
    assert SPLITTER.split("First words here. Second ones.", recursive(25)) == ["First words here.", "Second ones."]
    assert SPLITTER.split("alpha beta gamma", recursive(12)) == ["alpha beta", "gamma"]
    assert SPLITTER.split("abcdefghij", recursive(4)) == ["abcd", "efgh", "ij"]


def test_markdown_is_cut_before_headings_and_text_is_not():
    text = "# One\nwords of one\n\nmore\n# Two\nwords of two that are\n\nmany more of them"
    assert SPLITTER.split(text, recursive(45), is_markdown=True)[0] == "# One\nwords of one\n\nmore"
    assert SPLITTER.split(text, recursive(55))[0] != "# One\nwords of one\n\nmore"


def test_a_chunk_repeats_whole_words_of_the_one_before_it():
    chunks = SPLITTER.split(" ".join(f"w{n:02}" for n in range(30)), recursive(40, 10))
    for before, after in itertools.pairwise(chunks):
        shared = next(n for n in range(10, 0, -1) if before.endswith(after[:n]))
        assert 5 <= shared <= 10
        assert after[:shared].split()[0] in before.split()


def test_sentences_stay_whole_and_whole_ones_are_repeated():
    text = "One is short. Two is short. Three is a bit longer. Four."
    assert SPLITTER.split(text, Chunking(Strategy.SENTENCE, 28, 0)) == [
        "One is short. Two is short.",
        "Three is a bit longer. Four.",
    ]
    assert SPLITTER.split(text, Chunking(Strategy.SENTENCE, 40, 10))[1] == "Three is a bit longer. Four."
    assert SPLITTER.split("One a. Two b. Three c. Four d.", Chunking(Strategy.SENTENCE, 16, 8)) == [
        "One a. Two b.",
        "Two b. Three c.",
        "Three c. Four d.",
    ]


def test_an_abbreviation_ends_no_sentence():
    text = "Dr. Smith met J. Doe, e.g. here. He left."
    assert SPLITTER.split(text, Chunking(Strategy.SENTENCE, 34, 0)) == ["Dr. Smith met J. Doe, e.g. here.", "He left."]


def test_a_sentence_longer_than_a_chunk_is_cut_between_words():
    assert SPLITTER.split("alpha beta gamma delta. End.", Chunking(Strategy.SENTENCE, 12, 0)) == [
        "alpha beta",
        "gamma delta.",
        "End.",
    ]


def test_sentences_without_spaces_are_found():
    assert SPLITTER.split("你好。再见。", Chunking(Strategy.SENTENCE, 3, 0)) == ["你好。", "再见。"]


def test_fixed_windows_are_exact():
    assert SPLITTER.split("abcdefghij", Chunking(Strategy.FIXED, 4, 2)) == ["abcd", "cdef", "efgh", "ghij"]
    assert SPLITTER.split("", Chunking(Strategy.FIXED, 4, 2)) == []


@pytest.mark.parametrize("unit", ["\n", "x", ". ", "漢", "#", "e\u0301", "Dr. ", " ", '"'])
@pytest.mark.parametrize("strategy", Strategy)
def test_no_text_takes_long(unit, strategy):
    text = unit * (32_768 // len(unit))
    begun = time.perf_counter()
    SPLITTER.split(text, Chunking(strategy, 1000, 500), is_markdown=True)
    assert time.perf_counter() - begun < 2.0  # 45 s with a splitter that is not linear
