"""What of a draft fits into a model's context. docs/prompt.md tells the rules. Pure.

Sizes are estimates: whoever knows how many tokens a model counts for one scales the limit.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llmanager.chat import prompt
from llmanager.chat.entities import Draft, Message, Passage, Turn

UNKNOWN_CONTEXT_TOKENS: Final = 8192  # assumed of a model that does not tell
DEFAULT_ANSWER_TOKENS: Final = 1024  # kept free for an answer of no given length, but at most a quarter of the context
PASSAGES_SHARE: Final = 3, 4  # of the room beside system and question, where there are turns
MESSAGE_TOKENS: Final = 8  # what a template puts around a message
MAX_BRIEF_CHARS: Final = 200

EARLIER_QUESTIONS: Final = "Earlier questions:"
EARLIER_ANSWERS: Final = "Earlier answers:"

_LETTERS = bytes(range(ord("a"), ord("z") + 1)) + bytes(range(ord("A"), ord("Z") + 1)) + b" "
_ABOVE_ASCII = bytes(range(128, 256))
_FIRST_SENTENCE = re.compile(r".*?(?:[.!?](?=\s|$)|[。！？])", re.DOTALL)


def limit(context_tokens: int | None, max_tokens: int | None) -> int:
    """Tokens for the prompt: the context less what is kept for the answer, which is never more than half of it."""
    context = context_tokens or UNKNOWN_CONTEXT_TOKENS
    answer = min(DEFAULT_ANSWER_TOKENS, context // 4) if max_tokens is None else min(max_tokens, context // 2)
    return context - answer


def estimated(text: str) -> int:
    """Tokens of a text where nobody counts them. Mostly too many: 3 letters each, 2 bytes above ASCII, or one sign."""
    data = text.encode()
    above = len(data) - len(data.translate(None, _ABOVE_ASCII))
    letters = len(data) - len(data.translate(None, _LETTERS))
    return -(-(2 * letters + 3 * above + 6 * (len(data) - letters - above)) // 6)


def estimated_prompt(messages: Sequence[Message]) -> int:
    return sum(estimated(message.content) + MESSAGE_TOKENS for message in messages)


def fit(draft: Draft, limit: int) -> Draft:
    """The draft with as much as fits. System and question always stay, so only a draft of these may be over."""
    room = limit - estimated_prompt(prompt.messages(bare(draft)))
    passages = _passages(draft, room)
    room -= sum(_passage_size(passage, len(draft.passages or ())) for passage in passages)
    kept = bare(draft) if not passages else replace(bare(draft), passages=passages)
    return replace(kept, turns=_turns(draft.turns, room))


def bare(draft: Draft) -> Draft:
    return replace(draft, passages=None if draft.passages is None else (), turns=())


def extract(turns: Sequence[Turn]) -> Turn:
    """Old turns as one: what was asked, a line each, and the first sentence of each answer."""
    questions = [f"- {_cut(turn.q)}" for turn in turns]
    answers = [f"- {_first_sentence(turn.a)}" for turn in turns]
    return Turn("\n".join([EARLIER_QUESTIONS, *questions]), "\n".join([EARLIER_ANSWERS, *answers]))


def _passages(draft: Draft, room: int) -> tuple[Passage, ...]:
    """By rank, those that fit into their share; of none that does, the best that fits into all the room."""
    passages = draft.passages or ()
    part, whole = PASSAGES_SHARE if draft.turns else (1, 1)
    sizes = [_passage_size(passage, len(passages)) for passage in passages]
    share, kept = room * part // whole, []
    for passage, tokens in zip(passages, sizes, strict=True):
        if tokens <= share:
            kept.append(passage)
            share -= tokens
    if not kept:
        kept = [passage for passage, tokens in zip(passages, sizes, strict=True) if tokens <= room][:1]
    return tuple(kept)


def _passage_size(passage: Passage, highest_number: int) -> int:
    return estimated(prompt.passage_text(highest_number, passage) + "\n")


def _turns(turns: Sequence[Turn], room: int) -> tuple[Turn, ...]:
    """From the newest, whole while they fit; of those before, again from the newest, an extract."""
    whole = len(turns)
    while whole and (tokens := _turn_size(turns[whole - 1])) <= room:
        whole -= 1
        room -= tokens
    brief = whole
    room -= _turn_size(extract(()))
    while brief and (tokens := _brief_size(turns[brief - 1])) <= room:
        brief -= 1
        room -= tokens
    compacted = (extract(turns[brief:whole]),) if brief < whole else ()
    return (*compacted, *turns[whole:])


def _turn_size(turn: Turn) -> int:
    return estimated(turn.q) + estimated(turn.a) + 2 * MESSAGE_TOKENS


def _brief_size(turn: Turn) -> int:
    """Of a turn's two lines in an extract."""
    return estimated(f"\n- {_cut(turn.q)}") + estimated(f"\n- {_first_sentence(turn.a)}")


def _first_sentence(text: str) -> str:
    one_line = " ".join(text.split())
    found = _FIRST_SENTENCE.match(one_line)
    return _cut(found[0] if found else one_line)


def _cut(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= MAX_BRIEF_CHARS else one_line[: MAX_BRIEF_CHARS - 1] + "…"
