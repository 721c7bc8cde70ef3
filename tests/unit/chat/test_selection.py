"""From chunks to the sentences that are cited."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.adapters.documents.splitter import BorderSplitter
from llmanager.chat.budget import estimated
from llmanager.chat.entities import Budget, Passage, Piece
from llmanager.chat.selection import MAX_COMPARED, MAX_READ_CHARS, MAX_TOLD_CHARS, candidates, compared, select
from llmanager.vdb.entities import Chunking, Strategy
from tests.fakes.chat import passage

HOURS = "## Hours\n\nIt opens at 9. It closes at 5."


ENDS, BEGINS = "One is. The wall is old.", "wall is old. Two."
KINDS = ["old", "new", "northern", "very small"]


def piece(of: str, number: int, text: str) -> Passage:
    return replace(passage(number + 1, text), piece=Piece(of, number))


def pieces(*chunks: str) -> list[Passage]:
    return [piece("a.md", number, text) for number, text in enumerate(chunks)]


def cut(*chunks: str) -> list[str]:
    return [found.passage.text for found in candidates(pieces(*chunks))]


def texts(*chunks: str) -> list[str]:
    return [found.passage.text for found in candidates([passage(n, text) for n, text in enumerate(chunks, start=1)])]


def test_a_sentence_is_cited_by_its_chunks_id_and_its_place_there():
    first, second = candidates([passage(1, HOURS, source="a.md")])
    assert (first.passage.id, first.passage.source, first.passage.span) == ("p1", "a.md", (10, 24))
    assert HOURS[slice(*second.passage.span or ())] == second.passage.text == "It closes at 5."
    assert second.told == "Hours: It closes at 5."
    assert second.ranked.before == "It opens at 9."


def test_a_heading_is_no_sentence_unless_there_is_nothing_else():
    assert texts(HOURS, "# Fees") == ["It opens at 9.", "It closes at 5.", "Fees"]


def test_what_overlapping_chunks_share_is_there_once():
    assert texts("One is. Two is.", "Two  is. Three is.") == ["One is.", "Two is.", "Three is."]


def test_what_a_border_cut_off_makes_way_for_the_whole_of_it_in_the_chunk_beside():
    whole = "The harbour was paid for by Ada."
    assert cut(f"One is. {whole}", "was paid for by Ada. Two is.") == ["One is.", whole, "Two is."]
    assert cut("One is. Two is. The harbour was", f"Two is. {whole} Three is.") == [
        "One is.",
        "Two is.",
        whole,
        "Three is.",
    ]


def test_it_does_whichever_of_the_two_was_found_first():
    first, second = pieces("One is. The harbour was paid for by Ada.", "was paid for by Ada. Two is.")
    assert [one.passage.text for one in candidates([second, first])] == [
        "Two is.",
        "One is.",
        "The harbour was paid for by Ada.",
    ]


def test_whole_items_lose_nothing_to_others_that_say_it_too():
    rules = "Dogs are allowed", "Dogs are allowed in the garden only", "Port: 80", "Port: 8080", "Fee: 5", "Old Fee: 5"
    assert texts(*rules) == [*rules]
    assert cut(*rules) == [*rules]


@pytest.mark.parametrize(
    "passages",
    [
        pytest.param((passage(1, ENDS), passage(2, BEGINS)), id="items of their own"),
        pytest.param((piece("a", 0, ENDS), piece("b", 1, BEGINS)), id="of other texts"),
        pytest.param((piece("a", 0, ENDS), piece("a", 2, BEGINS)), id="not side by side"),
        pytest.param((piece("a", 1, ENDS), piece("a", 0, BEGINS)), id="the other way round"),
    ],
)
def test_only_chunks_that_lie_side_by_side_are_compared(passages: tuple[Passage, ...]):
    assert [one.passage.text for one in candidates(passages)] == ["One is.", "The wall is old.", "wall is old.", "Two."]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("One is.\n\nPort: 80", "Port: 8080\n\nTwo is.", id="the same words, but no more in common"),
        pytest.param("One is.\n\n- Dogs may", "- Dogs may sit\n\nTwo is.", id="an item before a longer one"),
        pytest.param("One is.\n\nPort: 8080", "80\n\nTwo is.", id="within a word"),
        pytest.param("One is.\n\nFee: 5", "Fee: 50 euros.\n\nTwo is.", id="figures"),
        pytest.param("Dogs may sit. Dogs may", "Dogs may bark in the garden.", id="no end of it"),
    ],
)
def test_sentences_that_only_look_alike_at_a_border_all_stay(before: str, after: str):
    assert cut(before, after) == texts(before, after)
    assert len(cut(before, after)) == len(texts(before)) + len(texts(after))


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("overlap", [0, 40, 70])
def test_of_a_document_that_was_cut_every_sentence_that_a_chunk_holds_is_there_and_no_half_of_it(
    strategy: Strategy, overlap: int
):
    said = [f"Gate {n} of the {kind} harbour opens at {n % 24} sharp." for n, kind in enumerate(KINDS * 4)]
    chunks = BorderSplitter().split(" ".join(said), Chunking(strategy, 160, overlap))
    whole = [one for one in said if any(one in chunk for chunk in chunks)]
    found = cut(*chunks)
    assert [one for one in found if one in said] == whole
    if overlap == 70:  # longer than any of them: each is somewhere as a whole
        assert whole == said
        assert found == said, "no halves"


def test_the_best_come_first_and_carry_their_ranks():
    found = candidates([passage(1, "One is. Two is. Three is.")])
    chosen = select(found, [0.1, 0.9, 0.5], Budget(sentences=2))
    assert [(one.text, one.score) for one in chosen] == [("Two is.", 0.9), ("Three is.", 0.5)]


def test_what_falls_far_behind_the_best_may_be_left_out():
    found = candidates([passage(1, "One is. Two is. Three is.")])
    chosen = select(found, [1.0, 0.89, 0.9], Budget(least_share=0.9), [0.3, 0.2, 0.1])
    assert [(one.text, one.cosine) for one in chosen] == [("One is.", 0.3), ("Three is.", 0.1)]
    assert [one.cosine for one in select(found, [1.0, 0.0, 0.0], Budget())] == [None, None, None]


def test_one_that_is_over_the_budget_makes_way_for_the_next():
    found = candidates([passage(1, "Short. " + "Very long indeed " * 20 + "it is. Brief.")])
    chosen = select(found, [0.9, 0.8, 0.7], Budget(tokens=20))
    assert [one.text for one in chosen] == ["Short.", "Brief."]


def test_the_best_of_all_is_there_in_any_case():
    found = candidates([passage(1, "Very long indeed " * 20)])
    assert len(select(found, [0.1], Budget(tokens=1))) == 1
    assert select((), (), Budget()) == ()


@given(st.lists(st.sampled_from(["A is.", "Bob was here today.", "12.5 % of them."]), max_size=30), st.integers(20, 90))
def test_no_selection_is_over_its_budget(said: list[str], tokens: int):
    found = candidates([passage(n, f"{text} {n}") for n, text in enumerate(said, start=1)])
    chosen = select(found, [float(n) for n in range(len(found))], Budget(tokens))
    assert sum(estimated(f"[{n}] {one.text}\n") for n, one in enumerate(chosen, start=1)) <= tokens
    assert len({one.text for one in chosen}) == len(chosen)


def test_an_embedder_is_asked_about_so_many_sentences_and_characters_at_most():
    many = candidates([passage(1, " ".join(f"Fact {n} is so." for n in range(500)) + " The owl sleeps.")])
    kept = compared("When does the owl sleep?", many)
    assert len(kept) == MAX_COMPARED
    assert kept[-1].passage.text == "The owl sleeps."
    assert len(candidates([passage(1, "x" * 600)])[0].told) == MAX_TOLD_CHARS


def test_of_endless_passages_only_so_much_is_read():
    endless = [passage(n, f"{n} word. " * 30_000) for n in range(1, 51)]
    began_s = time.process_time()
    found = candidates(endless)
    assert time.process_time() - began_s < 5
    assert {one.passage.id for one in found} == {"p1"}
    assert len(endless[0].text) > MAX_READ_CHARS
