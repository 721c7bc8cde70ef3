from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.chat import budget
from llmanager.chat.budget import estimated, estimated_prompt, extract, fit
from llmanager.chat.entities import Draft, Turn
from llmanager.chat.prompt import messages
from tests.fakes.chat import passage

WORDS = st.lists(st.sampled_from(["alpha", "is", "42", "größer.", "Ja!", "数据", "🙂", "\n"]), max_size=40).map(
    " ".join
)
TURNS = st.lists(st.builds(Turn, WORDS, WORDS), max_size=8).map(tuple)
PASSAGES = st.none() | st.lists(WORDS, max_size=6).map(
    lambda texts: tuple(passage(n, text) for n, text in enumerate(texts, start=1))
)
DRAFTS = st.builds(Draft, WORDS, WORDS, PASSAGES, TURNS)


def is_part(part: tuple, whole: tuple) -> bool:
    """Some of it, in its order."""
    rest = iter(whole)
    return all(piece in rest for piece in part)


def whole_turns(kept: Draft) -> tuple[Turn, ...]:
    is_extract = bool(kept.turns) and kept.turns[0].q.startswith(budget.EARLIER_QUESTIONS)
    return kept.turns[1:] if is_extract else kept.turns


@given(DRAFTS, st.integers(0, 900))
def test_what_is_kept_is_never_over_the_limit_unless_system_and_question_alone_are(draft: Draft, limit: int):
    kept = fit(draft, limit)
    bare = budget.bare(draft)
    assert estimated_prompt(messages(kept)) <= limit or kept == bare
    assert (kept.question, kept.system, kept.passages is None) == (draft.question, draft.system, draft.passages is None)


@given(DRAFTS, st.integers(0, 900))
def test_order_is_kept_and_the_newest_turns_come_before_older_ones(draft: Draft, limit: int):
    kept = fit(draft, limit)
    assert is_part(kept.passages or (), draft.passages or ())
    whole = whole_turns(kept)
    assert whole == draft.turns[len(draft.turns) - len(whole) :]


@given(DRAFTS, st.integers(0, 900))
def test_the_same_draft_is_always_fitted_alike(draft: Draft, limit: int):
    assert fit(draft, limit) == fit(draft, limit)


@given(DRAFTS)
def test_what_fits_whole_is_kept_whole_given_the_room_that_shares_need(draft: Draft):
    assert fit(draft, 4 * estimated_prompt(messages(draft))) == draft


def dots(count: int) -> str:
    """A text of so many tokens."""
    return "." * count


def room_for(draft: Draft, tokens: int) -> int:
    """The limit that leaves so much beside system and question."""
    return estimated_prompt(messages(budget.bare(draft))) + tokens


def test_passages_stay_within_their_share_where_there_are_turns():
    draft = Draft("q", passages=(passage(1, dots(60)), passage(2, dots(60))), turns=(Turn("x", "y"),))
    kept = fit(draft, room_for(draft, 140))
    assert (kept.passages, kept.turns) == (draft.passages[:1], draft.turns)
    alone = replace(draft, turns=())
    assert fit(alone, room_for(alone, 140)).passages == draft.passages


def test_a_passage_that_does_not_fit_makes_way_for_the_next():
    draft = Draft("q", passages=(passage(1, dots(90)), passage(2, "b"), passage(3, "c")))
    assert fit(draft, room_for(draft, 20)).passages == draft.passages[1:]


def test_the_best_passage_may_have_all_the_room_if_none_fits_into_the_share():
    draft = Draft("q", passages=(passage(1, dots(90)),), turns=(Turn("x", "y"),))
    kept = fit(draft, room_for(draft, 96))
    assert (kept.passages, kept.turns) == (draft.passages, ())


def test_old_turns_become_one_extract_before_the_newest_whole_ones():
    old = (Turn("Who is Ada?", "A poet. Born in Leeds."), Turn("And  Bob?\nSay.", "It stops. " + dots(70)))
    newest = Turn("Why?", "So.")
    kept = fit(Draft("q", turns=(*old, newest)), room_for(Draft("q"), 75))
    assert kept.turns[1:] == (newest,)
    assert kept.turns[0] == extract(old[1:]), "the older one had no room"
    assert kept.turns[0].q == "Earlier questions:\n- And Bob? Say."


def test_an_extract_is_one_line_each_and_of_an_answer_the_first_sentence():
    made = extract([Turn("Who is\nAda?", "A poet, no. 1.5 of them! Born in Leeds."), Turn("x" * 300, "他来了。后来")])
    assert made.q == "Earlier questions:\n- Who is Ada?\n- " + "x" * 199 + "…"
    assert made.a == "Earlier answers:\n- A poet, no.\n- 他来了。"


@pytest.mark.parametrize(
    ("context", "max_tokens", "limit"),
    [(4096, None, 3072), (1024, None, 768), (1024, 100, 924), (1024, 48_000, 512), (None, None, 8192 - 1024)],
)
def test_room_is_kept_for_the_answer_but_never_more_than_half(context: int | None, max_tokens: int | None, limit: int):
    assert budget.limit(context, max_tokens) == limit


def test_an_estimate_errs_on_the_high_side():
    assert estimated("") == 0
    assert estimated("The quick brown fox") == 7
    assert estimated("12.5%") == 5
    assert estimated("数据") == 3
    assert estimated("🙂") == 2
