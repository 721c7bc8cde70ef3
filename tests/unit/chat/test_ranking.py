"""Which sentence speaks of the question."""

import pytest

from llmanager.chat.ranking import Ranked, Weights, scores, stem, words

OPENS = Ranked("It opens at 9.", "Library Hours")
CLOSES = Ranked("It closes at 5.", "Library Hours", "It opens at 9.")
FEES = Ranked("A card is free.", "Library Fees")
ALL = (FEES, OPENS, CLOSES)


def best(question: str, **more) -> Ranked:
    ranks = scores(question, ALL, **more)
    return ALL[ranks.index(max(ranks))]


def test_words_of_its_own_count_most():
    assert best("When does the library close?") == CLOSES
    assert best("When is it open?") == OPENS


def test_a_heading_and_the_sentence_before_count_a_little():
    assert best("What are the hours?") in (OPENS, CLOSES)
    only_here = (Ranked("It closes at 5.", "", "The museum opens at 9."), Ranked("It costs 5.", "", "A card is lost."))
    first, second = scores("What is known of the museum?", only_here)
    assert first > second == 0


def test_a_rare_word_counts_more_than_a_common_one():
    sentences = (Ranked("The job runs."), Ranked("The job waits."), Ranked("The job fails."), Ranked("The sweep."))
    ranks = scores("Which job does the sweep start?", sentences)
    assert ranks.index(max(ranks)) == 3


def test_vectors_decide_where_no_word_is_shared():
    assert best("What must I pay?", cosines=[0.6, 0.1, 0.1]) == FEES
    assert set(scores("What must I pay?", ALL)) == {0.0}


def test_the_question_before_helps_but_its_own_words_decide():
    assert best("And when does it close?", previous="What does a card cost?") == CLOSES
    assert best("And the price?", previous="What does a card cost?") == FEES


def test_bm25_alone_is_a_share_of_the_best_possible():
    said_over = (Ranked("gate " * 500), Ranked("other"))
    high, none = scores("gate", said_over)
    assert (0.7 < high <= 1, none) == (True, 0.0)


def test_weights_can_be_others():
    heading_only = Weights(heading=1.0, before=0.0)
    first, second = scores("hours", (OPENS, FEES), weights=heading_only)
    assert first > second


@pytest.mark.parametrize("empty", ["", "???", "what is it"])
def test_a_question_without_words_ranks_nothing(empty: str):
    assert scores(empty, ALL) == (0.0, 0.0, 0.0)
    assert scores("word", ()) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("opens", "opening"),
        ("closes", "closed"),
        ("close", "closing"),
        ("ferries", "ferry"),
        ("running", "runs"),
        ("workers", "work"),
        ("quickly", "quick"),
        ("installation", "install"),
        ("classes", "class"),
    ],
)
def test_english_endings_do_not_count(one: str, other: str):
    assert stem(one) == stem(other)


def test_short_words_and_figures_stay():
    assert [stem(word) for word in ("bus", "9733", "ing", "né")] == ["bus", "9733", "ing", "né"]


def test_signs_without_blanks_are_compared_in_pairs():
    assert list(words("图书馆开门")) == ["图书", "书馆", "馆开", "开门"]
    sentences = (Ranked("五点关门。"), Ranked("图书馆九点开门。"))
    first, second = scores("图书馆什么时候开门？", sentences)
    assert second > first
