"""Questions that say too little alone."""

import pytest

from llmanager.chat.entities import Turn
from llmanager.chat.followup import MAX_PREVIOUS_CHARS, leans, previous, together


@pytest.mark.parametrize(
    "question",
    [
        "And a Representative?",
        "and its version?",
        "What about Sundays?",
        "How about the cellar on public holidays?",
        "But why?",
        "Why?",
        "Sundays?",
        "When does it close?",
        "Who wrote them?",
        "Is that free?",
        "How old is she?",
    ],
)
def test_these_lean_on_the_one_before(question: str):
    assert leans(question)


@pytest.mark.parametrize(
    "question",
    [
        "When does the library open?",
        "Who founded Pellet?",
        "What is GBNF?",
        "Andorra has how many inhabitants?",
        "How does the server know that its workers have ended when the machine was asleep at night?",
        "图书馆什么时候开门",
    ],
)
def test_these_say_enough(question: str):
    assert not leans(question)


def test_what_was_asked_before_is_read_with_it_and_what_that_leans_on():
    turns = (Turn("Who elects senators?", "x"), Turn("What does Pellet do?", "y"), Turn("And its version?", "z"))
    assert previous(turns[:1]) == "Who elects senators?"
    assert previous(turns) == "What does Pellet do?\nAnd its version?"
    assert previous(()) == ""


def test_an_endless_question_before_is_cut():
    assert len(previous([Turn("word " * 9000, "")])) == MAX_PREVIOUS_CHARS


def test_both_are_searched_as_one_text():
    assert together("And Sundays?", "When does it open?") == "When does it open?\nAnd Sundays?"
    assert together("Why?", "") == "Why?"
