"""What a model may say that is held to quoting: one passage of its prompt, word for word, or that it does not know.

Grammars in GBNF, as llama.cpp reads it. Pure. Over passages the answers are exactly

    According to [2]: "It closes at 5."
    I don't know.

Without any it speaks freely, but what it says that the user said was said, word for word.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from llmanager.chat.entities import Passage
from llmanager.chat.prompt import neutral
from llmanager.chat.sentences import sentences

UNKNOWN: Final = "I don't know."
SAID: Final = 'You said: "'
# Cosines of all-MiniLM-L6-v2. Others set unrelated texts at 0.4 or 0.7: of those that are not known no passage has one.
SURE: Final = 0.5  # a best sentence with this cosine answers: the embedder knows more words than who only may quote
UNLIKELY: Final = 0.2  # of another thing altogether: such a model may quote all the same, and is not asked
# In OpenAI's words, where the caller does not say: the likeliest answer. People mostly ask for what a text tells, more
# often than such a model expects: it says that it does not know where it is a little surer of that.
SAMPLING: Final[Mapping[str, Any]] = {"temperature": 0, "logit_bias": {UNKNOWN: -1.5}}

_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def quote(number: int, text: str) -> str:
    """The answer that cites a passage of the prompt, `text` being as the prompt shows it."""
    return f'According to [{number}]: "{text}"'


def grammar(passages: Sequence[Passage]) -> str:
    """Of the answers to a prompt of these passages, the best first. Whole chunks are quoted by the sentence."""
    cosine = passages[0].cosine if passages else None
    quotes = [] if cosine is not None and cosine < UNLIKELY else list(_quotes(passages))
    is_sure = bool(quotes) and (cosine or 0.0) >= SURE
    answers = dict.fromkeys(quotes if is_sure else [UNKNOWN, *quotes])
    return "root ::= " + " | ".join(map(literal, answers))


def recall(said: Sequence[str]) -> str:
    """Of any answer but one that begins with SAID: that goes on with one of what the user said before, and ends."""
    told = (literal(f'{SAID}{text}"') for text in dict.fromkeys(said) if "\0" not in text)
    begun = (f"{literal(SAID[:length])} ([^{sign}] .*)?" for length, sign in enumerate(SAID) if length)
    return "root ::= " + " | ".join([*told, *begun, f"[^{SAID[0]}] .*"])


def literal(text: str) -> str:
    """As a string of GBNF, in ASCII."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _quotes(passages: Sequence[Passage]) -> Iterator[str]:
    for number, passage in enumerate(passages, start=1):
        shown = neutral(passage.text)
        spans = [(0, len(shown))] if passage.span else [(found.start, found.end) for found in sentences(shown)]
        # A NUL ends what the engine compares: it could never be said.
        yield from (quote(number, shown[start:end]) for start, end in spans if "\0" not in shown[start:end])


def _escaped(sign: str) -> str:
    code = ord(sign)
    if sign in _ESCAPES:
        return _ESCAPES[sign]
    if 0x20 <= code < 0x7F:
        return sign
    return f"\\x{code:02X}" if code < 0x80 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
