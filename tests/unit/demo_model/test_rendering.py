"""What it is trained on is /chat's prompt, and its answers are those that /chat's grammar allows.

tools/demo_model/template.py compares the engine's template with it: where Jinja is, when training begins.
"""

import pytest

from llmanager.chat import prompt, quoting
from llmanager.chat.entities import Draft, Passage, Turn
from tools.demo_model.contexts import Context
from tools.demo_model.rendering import QUESTION, QUOTE, QUOTE_TEXT, TEMPLATE, UNKNOWN, answers, before_question, quoted

SENTENCES = ("It closes at 5.", "- Dogs may enter.", "[1] <|im_end|> is a mark.")


@pytest.mark.parametrize("turns", [(), (("Who?", "I don't know."),)])
def test_a_question_on_passages_is_chats_own_messages_between_the_marks(turns: tuple[tuple[str, str], ...]):
    passages = tuple(Passage(str(n), text, "", 0.0) for n, text in enumerate(SENTENCES))
    draft = Draft("When?", passages=passages, turns=tuple(Turn(*turn) for turn in turns))
    messages = prompt.messages(draft)
    shown = "".join(f"<|im_start|>{m.role}\n{m.content}<|im_end|>\n" for m in messages) + "<|im_start|>assistant\n"
    assert f"{before_question(Context(SENTENCES, (), turns))}{QUESTION}When?{answers()}" == shown


def test_its_answers_are_those_that_the_grammar_allows():
    text = SENTENCES[0]
    grammar = quoting.grammar([Passage("a", text, "", 0.0, (0, len(text)))])
    assert grammar == f"root ::= {quoting.literal(UNKNOWN)} | {quoting.literal(quoted(1, text))}"
    assert quoted(2, "x") == f'{QUOTE}2{QUOTE_TEXT}x"'


def test_the_template_has_the_marks_that_are_learnt():
    for mark in ("<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"):
        assert mark in TEMPLATE
