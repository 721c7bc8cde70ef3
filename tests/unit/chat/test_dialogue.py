import pytest

from llmanager.chat.dialogue import dialogue
from llmanager.chat.entities import Turn
from llmanager.kernel.errors import InvalidInput


def test_messages_become_system_text_turns_and_the_question():
    made = dialogue(
        [("system", "A"), ("user", "q1"), ("assistant", "a1"), ("developer", "B"), ("user", "q2"), ("user", "q3")]
    )
    assert (made.system, made.turns, made.question) == ("A\n\nB", (Turn("q1", "a1"),), "q2\n\nq3")


def test_what_an_assistant_says_unasked_is_left_out_and_what_it_says_in_parts_joined():
    made = dialogue([("assistant", "Hi"), ("user", "q"), ("assistant", "a"), ("assistant", "b"), ("user", "Q")])
    assert (made.turns, made.question) == ((Turn("q", "a\n\nb"),), "Q")


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [("system", "A")],
        [("user", "q"), ("assistant", "a")],
        [("user", " ")],
        [("assistant", "a")],
        [("user", "q"), ("tool", "x")],
        [("root", "x"), ("user", "q")],
    ],
)
def test_what_is_no_conversation_that_ends_with_a_question_is_refused(messages: list[tuple[str, str]]):
    with pytest.raises(InvalidInput, match="messages") as refused:
        dialogue(messages)
    assert refused.value.param == "messages"
