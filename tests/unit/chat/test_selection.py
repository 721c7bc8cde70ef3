"""From chunks to the sentences that are cited."""

import time

from hypothesis import given
from hypothesis import strategies as st

from llmanager.chat.budget import estimated
from llmanager.chat.entities import Budget
from llmanager.chat.selection import MAX_COMPARED, MAX_READ_CHARS, MAX_TOLD_CHARS, candidates, compared, select
from tests.fakes.chat import passage

HOURS = "## Hours\n\nIt opens at 9. It closes at 5."


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


def test_what_a_border_cut_off_makes_way_for_the_whole_of_it():
    assert texts("One is. The harbour was", "the harbour was. The harbour was paid for by Ada.") == [
        "One is.",
        "the harbour was.",
        "The harbour was paid for by Ada.",
    ]
    assert texts("was paid for by Ada. Two is.", "The wall was paid for by Ada.") == [
        "Two is.",
        "The wall was paid for by Ada.",
    ]


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
