"""The template that the engine reads against what training reads: both must be the same, byte for byte.

It needs Jinja, which comes with torch: training begins with it, and stops where they differ.
"""

import json
from typing import Any

import jinja2

from llmanager.chat import prompt
from llmanager.chat.entities import Draft, Passage, Turn
from tools.demo_model.contexts import Context
from tools.demo_model.rendering import (
    CALL,
    CALL_END,
    END,
    NOTED,
    QUESTION,
    START,
    TEMPLATE,
    TOOL_SAID,
    TOOL_SAID_END,
    USER,
    answers,
    before_question,
    marker,
    said,
    tools_text,
)


def check() -> None:
    """Raises AssertionError."""
    for turns in ((), (("Who?", "I don't know."),)):
        _check_passages(("It closes at 5.", "- Dogs may enter."), turns)
    _check_turns()
    _check_tools()


def rendered(messages: list[dict[str, Any]], **more: Any) -> str:
    environment = jinja2.Environment(autoescape=False)
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment.from_string(TEMPLATE).render(messages=messages, add_generation_prompt=True, **more)


def _check_passages(sentences: tuple[str, ...], turns: tuple[tuple[str, str], ...]) -> None:
    passages = tuple(Passage(str(n), text, "", 0.0) for n, text in enumerate(sentences))
    draft = Draft("When?", passages=passages, turns=tuple(Turn(*turn) for turn in turns))
    messages = [{"role": m.role, "content": m.content} for m in prompt.messages(draft)]
    expected = f"{before_question(Context(sentences, (), turns))}{QUESTION}When?{answers()}"
    assert rendered(messages) == expected, "a question on passages"


def _check_turns() -> None:
    told = ["I am Ann.", "It rains."]
    noted = {"role": "assistant", "content": NOTED}
    messages = [message for text in told for message in ({"role": "user", "content": text}, noted)]
    before = "".join(f"{USER}{marker(place)}{text}{answers()}{NOTED}{END}\n" for place, text in enumerate(told))
    for others in ([], [{"role": "system", "content": "Be nice."}]):
        asked = rendered([*others, *messages, {"role": "user", "content": "Who am I?"}])
        assert asked == f"{before}{USER}Who am I?{answers()}", "a chat without documents"


def _check_tools() -> None:
    properties = {"city": {"type": "string"}, "days": {"type": "integer"}}
    parameters = {"type": "object", "properties": properties}
    tool = {"type": "function", "function": {"name": "get", "description": "Get it.", "parameters": parameters}}
    call = {"function": {"name": "get", "arguments": {"city": "Rome"}}}
    messages = [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "Rain."},
    ]
    called = f'{CALL}\n{{"name": "get", "arguments": {{"city": "Rome"}}}}\n{CALL_END}{END}\n'
    answered = said("user", f"{TOOL_SAID}\nRain.\n{TOOL_SAID_END}")
    before = tools_text([("get", "Get it.", ["city", "days"])] * 18)
    expected = f"{before}{START}user\nGo{answers()}{called}{answered}{START}assistant\n"
    assert rendered(messages, tools=[tool] * 18) == expected, "a call and its answer"
