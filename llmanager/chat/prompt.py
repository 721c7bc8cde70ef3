"""The one prompt of RAG chat. docs/prompt.md explains it; tests freeze its bytes.

A model is trained on exactly these: whoever changes one raises VERSION. Pure.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from llmanager.chat.entities import Draft, Message, Passage

VERSION: Final = 1

SYSTEM: Final = (
    "Answer the question from the numbered passages only. Cite the passages that you use, like [1]. "
    'If the passages do not tell the answer, say "I don\'t know".'
)
NO_PASSAGES: Final = "No passages."
QUESTION: Final = "Question: "

# A line of a passage that looks like the prompt's own, and marks that engines take for the end of a message even
# within its text. Either gets a backslash, and those that have some already one more: so it can be undone.
_LINE = re.compile(r"^([^\S\n]*)(?=\\*(?:\[\d+\]|question:|no passages\.))", re.IGNORECASE | re.MULTILINE)
_TAGS = "s|bos|eos|think|tool_call|tool_response|start_of_turn|end_of_turn"
_WORDS = "INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS"
_MARK = re.compile(rf"<(?=\\*(?:[|｜]|/?(?:{_TAGS})>|</?SYS>>))|\[(?=\\*/?(?:{_WORDS})\])")


def messages(draft: Draft) -> tuple[Message, ...]:
    """System (if there is anything to say), turns, question: user and assistant alternate, a user's is the last."""
    return tuple(_messages(draft))


def passage_text(number: int, passage: Passage) -> str:
    return f"[{number}] {neutral(passage.text)}"


def neutral(text: str) -> str:
    """A passage's text, trimmed, with one kind of line break, that cannot pose as a part of the prompt."""
    lines = "\n".join(text.splitlines()).strip()
    return _MARK.sub(r"\g<0>\\", _LINE.sub(r"\1\\", lines))


def _messages(draft: Draft) -> Iterator[Message]:
    system = _system(draft)
    if system:
        yield Message("system", system)
    for turn in draft.turns:
        yield Message("user", turn.q)
        yield Message("assistant", turn.a)
    yield Message("user", _asked(draft.question, draft.passages))


def _system(draft: Draft) -> str:
    ours = SYSTEM if draft.passages is not None else ""
    return "\n\n".join(filter(None, (ours, draft.system)))


def _asked(question: str, passages: Sequence[Passage] | None) -> str:
    if passages is None:
        return question
    numbered = "\n".join(passage_text(number, passage) for number, passage in enumerate(passages, start=1))
    return f"{numbered or NO_PASSAGES}\n\n{QUESTION}{question}"
