"""Whether a question says too little alone, and what is read together with it then: the question before. Pure.

Only for finding passages: the prompt keeps the question as it was asked. The rule knows English.
"""

import re
from collections.abc import Sequence
from typing import Final

from llmanager.chat.entities import Turn
from llmanager.chat.ranking import words

MAX_POINTING_WORDS: Final = 9  # of a question whose "it" may be another's; a longer one mostly says what it means
MAX_PREVIOUS_CHARS: Final = 500
MAX_CHAINED: Final = 2  # questions before: "And its version?" may follow on "And Pellet?"

_BEGINS = re.compile(
    r"\W*(?:and|but|or|also|then|what about|how about|what if|same for|why not|what else)\b", re.IGNORECASE
)
_POINTS = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers|this|that|these|those|the same|the latter"
    r"|the former|one of them)\b",
    re.IGNORECASE,
)


def leans(question: str) -> bool:
    """On the question before it."""
    if _BEGINS.match(question):
        return True
    spoken = re.findall(r"\w+", question)
    meaning = sum(1 for _ in words(question))
    if meaning == 0 or (meaning == 1 and len(spoken) <= 2):
        return True
    return len(spoken) <= MAX_POINTING_WORDS and _POINTS.search(question) is not None


def previous(turns: Sequence[Turn]) -> str:
    """What was asked before, with what that leans on itself. Empty: nothing was."""
    asked: list[str] = []
    for turn in reversed(turns[-MAX_CHAINED:]):
        asked.append(turn.q.strip()[:MAX_PREVIOUS_CHARS])
        if not leans(turn.q):
            break
    return "\n".join(reversed(asked))


def together(question: str, previous: str) -> str:
    """As one text to search for."""
    return f"{previous}\n{question}" if previous else question
