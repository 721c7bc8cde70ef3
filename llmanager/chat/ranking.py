"""Which sentences speak of a question: BM25 over words and their stems, together with an embedder's cosines. Pure.

A sentence's own words count most; those of its heading and of the sentence before it a little: "It closes at 5." alone
does not say what closes. English endings and stop words are known; other languages are compared as they are written.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Final


@dataclass(frozen=True)
class Weights:
    heading: float = 0.35  # of a word there, against the sentence's own
    before: float = 0.2
    previous: float = 0.4  # of a word of the question before this one
    cosine: float = 2.5  # against the share that BM25 gives of its best possible
    k1: float = 1.2
    b: float = 0.4


WEIGHTS: Final = Weights()


@dataclass(frozen=True)
class Ranked:
    """A sentence as it is compared."""

    text: str
    heading: str = ""
    before: str = ""


_WORD = re.compile(r"[a-z0-9à-öø-ÿ]+|[^\W\d_a-zà-öø-ÿ]+|\d+", re.IGNORECASE)
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_STOP_WORDS: Final = """
a an the and or but if of to in on at by for from with as is are was were be been being am do does did done has have had
having it its this that these those there here he she they him his her them their we us our you your i me my what which
who whom whose when where why how can could will would shall should may might must not no so than then too very s t
about into any some each also just only much many tell say says said
"""
_STOP: Final = frozenset(_STOP_WORDS.split())


def words(text: str) -> Iterator[str]:
    """Stems, without stop words. Han, kana and hangul, which have no blanks, as pairs of signs."""
    for found in _WORD.findall(text.lower()):
        if _HAN.match(found):
            yield from (found[at : at + 2] for at in range(max(1, len(found) - 1)))
        elif found not in _STOP:
            yield stem(found)


def stem(word: str) -> str:
    """Without an English ending, where enough of a word is left."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    for ending, put in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + put
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiousl":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] in "ey" else word


_ENDINGS: Final = (
    ("ations", ""),
    ("ation", ""),
    ("ments", ""),
    ("ment", ""),
    ("ings", ""),
    ("ing", ""),
    ("sses", "ss"),
    ("ies", "y"),
    ("ied", "y"),
    ("ers", ""),
    ("ors", ""),
    ("es", ""),
    ("ed", ""),
    ("er", ""),
    ("or", ""),
    ("ly", ""),
    ("ss", "ss"),
    ("us", "us"),
    ("s", ""),
)


def scores(
    question: str,
    sentences: Sequence[Ranked],
    cosines: Sequence[float] | None = None,
    *,
    previous: str = "",
    weights: Weights = WEIGHTS,
) -> tuple[float, ...]:
    """One a sentence, higher is closer. `previous`: the question before this one, where it is to be read with it."""
    lexical = _bm25(_terms(question, previous, weights), sentences, weights)
    if cosines is None:
        return tuple(lexical)
    return tuple(share + weights.cosine * cosine for share, cosine in zip(lexical, cosines, strict=True))


def _terms(question: str, previous: str, weights: Weights) -> Mapping[str, float]:
    terms = dict.fromkeys(words(previous), weights.previous)
    return terms | dict.fromkeys(words(question), 1.0)


def _bm25(terms: Mapping[str, float], sentences: Sequence[Ranked], weights: Weights) -> list[float]:
    """Of each sentence, as a share of what one that says every term again and again would have."""
    fields = [_frequencies(sentence, weights) for sentence in sentences]
    lengths = [sum(1 for _ in words(sentence.text)) for sentence in sentences]
    mean = sum(lengths) / len(lengths) if any(lengths) else 1.0
    rarity = {term: terms[term] * _rarity(term, fields) for term in terms}
    best = (weights.k1 + 1) * sum(rarity.values()) or 1.0
    return [
        sum(rarity[term] * _saturated(found[term], length / mean, weights) for term in terms if term in found) / best
        for found, length in zip(fields, lengths, strict=True)
    ]


def _frequencies(sentence: Ranked, weights: Weights) -> Mapping[str, float]:
    parts: Iterable[tuple[str, float]] = (
        (sentence.text, 1.0),
        (sentence.heading, weights.heading),
        (sentence.before, weights.before),
    )
    found: dict[str, float] = defaultdict(float)
    for text, weight in parts:
        for word in words(text):
            found[word] += weight
    return found


def _rarity(term: str, fields: Sequence[Mapping[str, float]]) -> float:
    having = sum(1 for found in fields if term in found)
    return log(1 + (len(fields) - having + 0.5) / (having + 0.5))


def _saturated(frequency: float, length: float, weights: Weights) -> float:
    k1, b = weights.k1, weights.b
    return frequency * (k1 + 1) / (frequency + k1 * (1 - b + b * length))
