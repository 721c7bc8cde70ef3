"""Questions on passages, as /chat asks them: a few sentences, and many questions that branch off them.

A context has a focus: the fact that most of its questions are about, as sentences that were ranked for one question
have. Its sentence mostly stands first, as it would; beside it stand those of the candidates that sound most like it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Final

from tools.demo_model.bank import Block, slots
from tools.demo_model.slots import Values, fill, sentence

SENTENCES: Final = (1, 2, 2, 3, 3, 3, 3)  # in a context, each as likely
CANDIDATES: Final = 6
MAX_CHARS: Final = 260  # of a sentence

_WORD: Final = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True)
class Told:
    """A fact with its values, and one sentence that tells it."""

    block: Block
    values: dict[str, str]
    sentence: str


@dataclass(frozen=True)
class Asked:
    question: str
    answer: int | None  # which sentence, from 0; None: none of them tells


@dataclass(frozen=True)
class Context:
    sentences: tuple[str, ...]
    asked: tuple[Asked, ...]
    turns: tuple[tuple[str, str], ...] = ()  # before it: what was said and answered


@dataclass(frozen=True)
class Habits:
    """How hard contexts are, and how like those of /chat."""

    ranks: tuple[float, float, float] = (0.78, 0.14, 0.08)  # of the sentence that most questions are about
    answered: float = 0.62  # share of the questions
    alike: float = 1.0  # share of sentences and questions beside the right ones that sound like them


# One after the other, as in school: what the words say, then what sounds alike, then what /chat really shows.
EASY: Final = Habits(ranks=(1, 1, 1), answered=0.7, alike=0.1)
MIXED: Final = Habits(ranks=(0.5, 0.3, 0.2), answered=0.65, alike=0.6)
REAL: Final = Habits(ranks=(0.86, 0.09, 0.05), answered=0.7, alike=1.0)


class Contexts:
    """Makes contexts of blocks; `values` decides which names, words and numbers there are.

    By coincidence a question may be one of another sentence's block too, and then have an answer where none is meant,
    or two: one in thousands, more where blocks are few. `is_checked`: such are left out.
    """

    def __init__(
        self, blocks: Sequence[Block], values: Values, random: Random, habits: Habits, *, is_checked: bool = False
    ) -> None:
        self._blocks, self._values, self._random = blocks, values, random
        self._habits, self._is_checked = habits, is_checked
        kinds: dict[str, list[Block]] = {}
        for block in blocks:
            kinds.setdefault(block.kind, []).append(block)
        self._kinds = kinds
        self._starred = {
            kind: frozenset(slot for block in of_kind for slot in _all_slots(block) if slot.endswith("*"))
            for kind, of_kind in kinds.items()
        }

    def context(self, questions: int) -> Context:
        block = self._random.choice(self._blocks)
        shared = self._shared(block.kind)
        focus = self._told(block, shared)
        others = self._others(focus, shared, self._random.choice(SENTENCES) - 1)
        place = min(self._rank(), len(others))
        told = (*others[:place], focus, *others[place:])
        asked = tuple(self._asked(told, place, shared) for _ in range(questions))
        return Context(tuple(t.sentence for t in told), tuple(dict.fromkeys(asked)))

    def follow_up(self, questions: int) -> Context | None:
        """A context that was asked about before, with another key; None where the block drawn has no such question."""
        block = self._random.choice([block for block in self._blocks if block.follow_ups])
        keys = slots(self._random.choice(block.follow_ups)) & block.keys
        if not keys:
            return None
        shared = self._shared(block.kind)
        before = self._told(block, shared)
        now = self._elsewhere(before, keys)
        is_told = self._random.random() < self._habits.answered
        told = [now, before] if is_told else [before]
        others = self._others(before, shared, self._random.choice((0, 1)))
        told += [other for other in others if not _same_keys(other, now)]
        if self._random.random() < 0.2:
            self._random.shuffle(told)
        questions_before = [q for q in block.questions if keys <= slots(q)] or list(block.questions)
        asked_before = fill(self._random.choice(questions_before), before.values)
        answer = told.index(now) if is_told else None
        same = [text for text in block.follow_ups if slots(text) & block.keys == keys]
        asked = tuple(Asked(sentence(text, now.values), answer) for text in same)[:questions]
        return Context(tuple(t.sentence for t in told), asked, ((asked_before, before.sentence),))

    def _shared(self, kind: str) -> dict[str, str]:
        return self._values.bound(self._starred[kind])

    def _told(self, block: Block, shared: dict[str, str]) -> Told:
        return self._retold(block, self._values.bound(_all_slots(block), shared))

    def _retold(self, block: Block, values: dict[str, str]) -> Told:
        sentences = [sentence(text, values) for text in block.sentences]
        short = [text for text in sentences if len(text) <= MAX_CHARS] or [sentences[0][:MAX_CHARS]]
        return Told(block, values, self._random.choice(short))

    def _elsewhere(self, told: Told, keys: frozenset[str]) -> Told:
        """The same fact where these keys have other values. Its other keys stay; what is told of them all changes."""
        staying = told.block.keys - keys
        values = {slot: value for slot, value in told.values.items() if slot.endswith("*") or slot in staying}
        for key in sorted(keys):
            kind = _kind(key)
            taken = {value for slot, value in (*told.values.items(), *values.items()) if _kind(slot) == kind}
            values[key] = self._values.another(kind, taken)
        return self._retold(told.block, self._values.bound(_all_slots(told.block), values))

    def _others(self, focus: Told, shared: dict[str, str], count: int) -> list[Told]:
        candidates = [other for _ in range(CANDIDATES) if (other := self._other(focus, shared))]
        asked = _words(" ".join(focus.block.questions))
        candidates.sort(key=lambda told: -len(asked & _words(told.sentence)) * self._random.uniform(0.4, 1))
        chosen: list[Told] = []
        for candidate in candidates:
            is_new = all(candidate.sentence != told.sentence for told in (focus, *chosen))
            is_clear = all(not _same_keys(candidate, told) for told in (focus, *chosen))
            if is_new and is_clear and len(chosen) < count:
                chosen.append(candidate)
        return chosen

    def _other(self, focus: Told, shared: dict[str, str]) -> Told | None:
        draw = self._random.random()
        if self._random.random() >= self._habits.alike:
            draw = 1.0
        if draw < 0.25 and focus.block.keys:
            return self._elsewhere(focus, focus.block.keys)
        if draw < 0.8:
            block = self._random.choice(self._kinds[focus.block.kind])
            return None if block is focus.block else self._told(block, shared)
        block = self._random.choice(self._blocks)
        return self._told(block, shared) if block.kind != focus.block.kind and not _starred(block) else None

    def _asked(self, told: Sequence[Told], place: int, shared: dict[str, str]) -> Asked:
        """Mostly of the focus; sometimes of another sentence, as where the ranking was wrong."""
        which = place if self._random.random() < 0.8 * self._habits.alike else self._random.randrange(len(told))
        about = told[which]
        if self._random.random() < self._habits.answered:
            return Asked(self._said(self._answered(told, about)), which)
        question = self._unanswered(told, about, shared)
        while self._is_checked and any(_answers(one, question) for one in told):
            question = self._unanswered(told, about, shared)
        return Asked(self._said(question), None)

    def _answered(self, told: Sequence[Told], about: Told) -> str:
        """With the key in it where the same fact of another key is told too: else both would answer."""
        others, block = [one for one in told if one is not about], about.block
        is_told_twice = any(one.block is block for one in others)
        texts = [text for text in block.questions if not is_told_twice or slots(text) & block.keys]
        questions = [fill(text, about.values) for text in texts]
        if self._is_checked:
            questions = [q for q in questions if not any(_answers(one, q) for one in others)] or questions
        return self._random.choice(questions)

    def _unanswered(self, told: Sequence[Told], about: Told, shared: dict[str, str]) -> str:
        block, draw = about.block, self._random.random()
        if self._random.random() >= self._habits.alike:
            draw = 1.0
        keyed = [q for q in block.questions if slots(q) & block.keys]
        if draw < 0.25 and keyed:
            question = self._random.choice(keyed)
            key = self._random.choice(sorted(slots(question) & block.keys))
            taken = {t.values[key] for t in told if t.block is block}
            return fill(question, about.values | {key: self._values.another(_kind(key), taken)})
        if draw < 0.5 and block.unanswered:
            text = self._random.choice(block.unanswered)
            return fill(text, self._values.bound(slots(text), about.values))
        absent = [other for other in self._kinds[block.kind] if all(other is not t.block for t in told)]
        if absent and draw < 0.92:
            known = _words(" ".join(t.sentence for t in told))
            drawn = [self._random.choice(self._random.choice(absent).questions) for _ in range(CANDIDATES)]
            text = max(drawn, key=lambda text: len(known & _words(text)) * self._random.uniform(0.4, 1))
            return fill(text, self._values.bound(slots(text), shared))
        kind = self._random.choice([kind for kind in self._kinds if kind != block.kind])
        text = self._random.choice(self._random.choice(self._kinds[kind]).questions)
        return fill(text, self._values.bound(slots(text)))

    def _said(self, question: str) -> str:
        draw = self._random.random()
        if draw < 0.06:
            return question.rstrip("?.")
        return question[0].lower() + question[1:] if draw < 0.1 else question

    def _rank(self) -> int:
        return self._random.choices(range(3), self._habits.ranks)[0]


@cache
def _all_slots(block: Block) -> frozenset[str]:
    texts = (*block.sentences, *block.questions, *block.unanswered, *block.follow_ups)
    return frozenset(slot for text in texts for slot in slots(text))


@cache
def _starred(block: Block) -> bool:
    return any(slot.endswith("*") for slot in _all_slots(block))


def _kind(slot: str) -> str:
    return slot.rstrip("*").partition(":")[0]


def _same_keys(one: Told, other: Told) -> bool:
    """Two tellings of one fact of the same key: then both answer, or contradict."""
    if one.block is not other.block:
        return False
    keys = one.block.keys
    return not keys or any(one.values[key] == other.values[key] for key in keys)


def _answers(told: Told, question: str) -> bool:
    """Whether it is one of the questions of what is told, about the same."""
    own = (text for text in told.block.questions if slots(text) <= told.values.keys())
    return any(fill(text, told.values) == question for text in own)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))
