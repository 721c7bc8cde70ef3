"""What it is trained on is what the engine will show it: /chat's prompt in the model's own template."""

import json

import jinja2
import pytest

from llmanager.chat import prompt, quoting
from llmanager.chat.entities import Draft, Passage, Turn
from tools.demo_model.contexts import Context
from tools.demo_model.rendering import (
    CALL,
    CALL_END,
    END,
    QUESTION,
    QUOTE,
    QUOTE_TEXT,
    START,
    TEMPLATE,
    TOOL_SAID,
    TOOL_SAID_END,
    UNKNOWN,
    answers,
    before_question,
    quoted,
    said,
    tools_text,
)

SENTENCES = ("It closes at 5.", "- Dogs may enter.")


def rendered(messages: list[dict[str, object]], **more: object) -> str:
    environment = jinja2.Environment(autoescape=False)  # as the engine: no escapes, JSON as it is
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment.from_string(TEMPLATE).render(messages=messages, add_generation_prompt=True, **more)


@pytest.mark.parametrize("turns", [(), (("Who?", "I don't know."),)])
def test_a_question_on_passages_is_chats_prompt_in_the_template(turns: tuple[tuple[str, str], ...]):
    passages = tuple(Passage(str(n), text, "", 0.0) for n, text in enumerate(SENTENCES))
    draft = Draft("When?", passages=passages, turns=tuple(Turn(*turn) for turn in turns))
    messages = [{"role": m.role, "content": m.content} for m in prompt.messages(draft)]
    assert rendered(messages) == before_question(Context(SENTENCES, (), turns)) + QUESTION + "When?" + answers()


def test_answers_are_those_that_the_grammar_allows():
    grammar = quoting.grammar([Passage("a", SENTENCES[0], "", 0.0, (0, 15))])
    assert quoting.literal(quoted(1, SENTENCES[0])) in grammar
    assert quoting.literal(UNKNOWN) in grammar
    assert quoted(2, "x") == f'{QUOTE}2{QUOTE_TEXT}x"'


def test_tools_are_told_as_the_template_tells_them():
    parameters = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
    tool = {"type": "function", "function": {"name": "get", "description": "Get it.", "parameters": parameters}}
    shown = rendered([{"role": "user", "content": "Go"}], tools=[tool])
    assert shown == tools_text([("get", "Get it.", ["city", "days"])]) + f"{START}user\nGo{answers()}"


def test_a_call_and_what_the_tool_said_are_shown_as_they_were_learnt():
    call = {"function": {"name": "get", "arguments": {"city": "Rome"}}}
    shown = rendered(
        [
            {"role": "user", "content": "Go"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": "Rain."},
        ]
    )
    called = f'{CALL}\n{{"name": "get", "arguments": {{"city": "Rome"}}}}\n{CALL_END}'
    told = said("user", f"{TOOL_SAID}\nRain.\n{TOOL_SAID_END}")
    assert shown == f"{START}user\nGo{END}\n{START}assistant\n{called}{END}\n{told}{START}assistant\n"
