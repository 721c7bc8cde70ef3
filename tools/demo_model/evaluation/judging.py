"""Whether an answer is right. Pure: answers, citations and what was expected go in."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from llmanager.chat.prompt import neutral
from llmanager.chat.quoting import UNKNOWN
from tools.demo_model.rendering import MEMORY

Verdict = Literal["right", "wrong quote", "wrong unknown", "invented"]
VERDICTS: Final[tuple[Verdict, ...]] = ("right", "wrong quote", "wrong unknown", "invented")

_QUOTE: Final = re.compile(r'According to \[(\d+)\]: "(.*)"', re.DOTALL)


@dataclass(frozen=True)
class Told:
    """A question, what was wanted, and what came."""

    about: str  # the text or the kind of question
    question: str
    wanted: str | None  # the sentence that answers; None: nothing does
    answer: str
    verdict: Verdict
    seconds: float


def judged(answer: str, citations: Sequence[str], wanted: str | None, source: str) -> Verdict:
    """`source`: all of what was ingested. A quote is right if it is the wanted sentence, and what its [n] cites.

    Invented is what neither the source has word for word, nor is the one phrase for not knowing.
    """
    if answer == UNKNOWN:
        return "right" if wanted is None else "wrong unknown"
    said = _QUOTE.fullmatch(answer)
    cited = _cited(citations, said)
    if said is None or cited is None:
        return "invented"
    quote, is_cited = squeezed(said[2]), squeezed(said[2]) == squeezed(neutral(cited))
    # As the prompt shows it a sentence may have a backslash before it that it has not where it stands within a line.
    if quote not in squeezed(neutral(source)) and not (is_cited and squeezed(cited) in squeezed(source)):
        return "invented"
    is_wanted = wanted is not None and is_cited and squeezed(cited) == squeezed(wanted)
    return "right" if is_wanted else "wrong quote"


def _cited(citations: Sequence[str], said: re.Match[str] | None) -> str | None:
    """What its [n] cites; None: there is no such number."""
    number = int(said[1]) if said else 0
    return citations[number - 1] if 1 <= number <= len(citations) else None


def is_of_a_turn(answer: str, turns: Sequence[str]) -> bool:
    """Whether what it says that the user said stands in a turn; nothing said is well, too."""
    _, begin, told = answer.partition(MEMORY)
    text = squeezed(told.strip().removesuffix('"'))
    return not begin or (bool(text) and any(text in squeezed(turn) for turn in turns))


def squeezed(text: str) -> str:
    return " ".join(text.split())


def counts(told: Sequence[Told]) -> dict[Verdict, int]:
    return {verdict: sum(one.verdict == verdict for one in told) for verdict in VERDICTS}


@dataclass(frozen=True)
class Called:
    """A tool call against what the user's words asked for."""

    has_name: bool
    is_exact: bool  # name and all arguments
    is_said: bool | None  # each text among the arguments stands in the user's words; None: there is not one call


def called(message: Mapping[str, Any], name: str, values: Mapping[str, Any], words: str) -> Called:
    """`message`: the assistant's, in OpenAI's words. Several calls, or none, are wrong."""
    calls = message.get("tool_calls") or []
    if len(calls) != 1:
        return Called(False, False, None)
    function = calls[0]["function"]
    arguments = decoded(function["arguments"])
    has_name = function["name"] == name
    texts = [value for value in arguments.values() if isinstance(value, str)] if isinstance(arguments, dict) else []
    return Called(has_name, has_name and same(arguments, values), all(text in words for text in texts))


def decoded(text: str) -> Any:
    """None where it is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def same(one: Any, other: Mapping[str, Any]) -> bool:
    """Of like types too: 1 is not true. A whole number may stand for 1.0."""
    if not isinstance(one, dict) or one.keys() != other.keys():
        return False
    return all(one[name] == other[name] and is_bool(one[name]) == is_bool(other[name]) for name in other)


def is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def fits(value: Any, types: Mapping[str, str]) -> bool:
    """Whether it is an object of exactly these members, each of its JSON type."""
    if not isinstance(value, dict) or value.keys() != types.keys():
        return False
    return all(
        is_bool(value[name]) == (type_ == "boolean") and isinstance(value[name], _PYTHON[type_])
        for name, type_ in types.items()
    )


_PYTHON: Final[dict[str, type | tuple[type, ...]]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest that occurred."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
