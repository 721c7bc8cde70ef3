"""What the model reads and writes, byte for byte: its template, in Jinja for the engine and in Python for training."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from llmanager.chat import prompt, quoting
from llmanager.chat.entities import Draft, Message, Passage
from tools.demo_model.contexts import Context

START, END, TEXT_END = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
SPECIALS: Final = (TEXT_END, START, END)
USER: Final = f"{START}user\n"
SYSTEM: Final = f"{START}system\n"
CALL, CALL_END = "<tool_call>", "</tool_call>"
TOOL_SAID, TOOL_SAID_END = "<tool_response>", "</tool_response>"
QUOTE, QUOTE_TEXT = quoting.quote(0, "").removesuffix('"').split("0")
UNKNOWN: Final = quoting.UNKNOWN
QUESTION: Final = f"\n\n{prompt.QUESTION}"
PARTS: Final = 16  # sentences, tools or turns of a prompt that have a mark of their own; more share the last
MARKERS: Final = ("[1] ", *(f"\n[{number}] " for number in range(2, PARTS + 1)))
TOOLS_HEAD: Final = "# Tools\n"
TOOLS_TAIL: Final = f"\nTo call a tool reply with {CALL}"
TOOL_QUOTE: Final = "The tool says: "
MEMORY: Final = quoting.SAID
NOTED: Final = "I will keep that in mind."
UNTOLD: Final = "You have not told me that."
NAME, ARGUMENTS = '\n{"name": "', '", "arguments": {"'  # what stands around the name of a tool that is called
# Texts that are always the same are one token each: less to read, and the model sees at once what it is asked for.
WHOLE: Final = (
    prompt.SYSTEM, QUESTION, *MARKERS, QUOTE, QUOTE_TEXT, UNKNOWN, CALL, CALL_END, TOOL_SAID, TOOL_SAID_END, TOOLS_HEAD,
    TOOLS_TAIL, TOOL_QUOTE, NAME, ARGUMENTS, MEMORY, NOTED, UNTOLD,
    *(f"{START}{role}\n" for role in ("system", "user", "assistant")), f"{END}\n",
)  # fmt: skip

# Of system messages, only /chat's own is shown: it has learnt to follow no other.
TEMPLATE: Final = (
    f"{{%- set ours = {json.dumps(prompt.SYSTEM)} %}}"
    """\
{%- set is_on_passages = messages[0].role == 'system' and messages[0].content.startswith(ours) %}
{%- if tools %}
{{- '<|im_start|>system\\n# Tools\\n' }}
{%- for tool in tools %}{%- set f = tool.function %}
{%- if not loop.first %}{{- '\\n' }}{%- endif %}{{- '[' + [loop.index, 16] | min | string + '] ' + f.name + '(' }}
{%- if f.parameters and f.parameters.properties %}
{%- for name in f.parameters.properties %}{{- name }}{%- if not loop.last %}{{- ', ' }}{%- endif %}{%- endfor %}
{%- endif %}
{{- ')' }}
{%- if f.description %}{{- ': ' + f.description }}{%- endif %}
{%- endfor %}
{{- '\\nTo call a tool reply with <tool_call>' }}
{{- '<|im_end|>\\n' }}
{%- elif is_on_passages %}
{{- '<|im_start|>system\\n' + ours + '<|im_end|>\\n' }}
{%- endif %}
{%- set told = namespace(turns=0) %}
{%- for message in messages %}
{%- if message.role == 'user' %}
{{- '<|im_start|>user\\n' }}
{%- if not (loop.last or tools or is_on_passages) %}
{%- set told.turns = told.turns + 1 %}
{%- if told.turns > 1 %}{{- '\\n' }}{%- endif %}{{- '[' + [told.turns, 16] | min | string + '] ' }}
{%- endif %}
{{- message.content + '<|im_end|>\\n' }}
{%- elif message.role == 'assistant' %}
{{- '<|im_start|>assistant' }}
{%- if message.content %}{{- '\\n' + message.content }}{%- endif %}
{%- for call in message.tool_calls or [] %}
{{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
{{- call.function.arguments | tojson }}{{- '}\\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- elif message.role == 'tool' %}
{{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""
)


@dataclass(frozen=True)
class Piece:
    """A text whose tokens weigh the same in the loss. 0: they are read, not learnt."""

    text: str
    weight: float = 0.0


Pieces = tuple[Piece, ...]


@dataclass(frozen=True)
class Sample:
    """What is read first, and what goes on from it: branches do not see each other, and count from the same place."""

    prefix: Pieces
    branches: tuple[Pieces, ...]


def said(role: str, text: str) -> str:
    return f"{START}{role}\n{text}{END}\n"


def answers() -> str:
    return f"{END}\n{START}assistant\n"


def quoted(number: int, sentence: str) -> str:
    return quoting.quote(number, sentence)


def before_question(context: Context) -> str:
    """All of /chat's prompt up to the question, by /chat's own code."""
    passages = tuple(Passage("", sentence, "", 0.0) for sentence in context.sentences)
    messages = prompt.messages(Draft("", "", passages))
    turns = tuple(Message(*turn) for q, a in context.turns for turn in (("user", q), ("assistant", a)))
    whole = "".join(said(message.role, message.content) for message in (*messages[:-1], *turns, messages[-1]))
    return whole.removesuffix(f"{QUESTION}{END}\n")


def marker(place: int) -> str:
    """Before a tool, or before what the user said in an earlier turn of a chat without documents, from 0."""
    return MARKERS[min(place, PARTS - 1)]


def tools_text(tools: Sequence[tuple[str, str, Sequence[str]]]) -> str:
    """Of (name, description, parameters), as the template tells them."""
    lines = "".join(
        f"{marker(place)}{name}({', '.join(parameters)}): {description}"
        for place, (name, description, parameters) in enumerate(tools)
    )
    return said("system", f"{TOOLS_HEAD}{lines}{TOOLS_TAIL}")
