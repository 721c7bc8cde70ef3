"""From the chunks that were found to the sentences that go into the prompt, the best first. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from llmanager.chat.budget import estimated
from llmanager.chat.entities import Budget, Passage
from llmanager.chat.ranking import Ranked, scores
from llmanager.chat.sentences import Sentence, is_whole, sentences

MAX_READ_CHARS: Final = 60_000  # of all passages together, from the best on
MAX_COMPARED: Final = 128  # sentences whose vectors are asked for: others share fewer words with the question
MAX_TOLD_CHARS: Final = 350  # of a sentence under its heading: small embedders take 512 tokens


@dataclass(frozen=True)
class Candidate:
    passage: Passage  # one sentence of it, as it would be cited
    ranked: Ranked

    @property
    def told(self) -> str:
        """What an embedder is given: the sentence under its heading."""
        heading = self.ranked.heading
        return (f"{heading}: {self.ranked.text}" if heading else self.ranked.text)[:MAX_TOLD_CHARS]


def candidates(passages: Sequence[Passage]) -> tuple[Candidate, ...]:
    """Every sentence once, in the passages' order. What a border has cut off makes way for the whole of it elsewhere.

    Headings are none, but of a passage that has nothing else.
    """
    found: dict[str, Candidate] = {}
    at_borders: list[str] = []
    room = MAX_READ_CHARS
    for passage in passages:
        every = sentences(passage.text[:room])
        room = max(0, room - len(passage.text))
        kept = [sentence for sentence in every if not sentence.is_heading] or every
        for number, sentence in enumerate(kept):
            candidate = _candidate(passage, sentence)
            key = _squeezed(candidate.passage.text)
            if key not in found:
                found[key] = candidate
                if number == 0 or (number == len(kept) - 1 and not is_whole(key)):
                    at_borders.append(key)
    for part in at_borders:
        if any(part in whole and part != whole for whole in found):
            del found[part]
    return tuple(found.values())


def compared(question: str, found: Sequence[Candidate], previous: str = "") -> tuple[Candidate, ...]:
    """As many as an embedder is asked about, in their order: those that share most words with the question."""
    if len(found) <= MAX_COMPARED:
        return tuple(found)
    by_words = scores(question, [candidate.ranked for candidate in found], previous=previous)
    best = sorted(range(len(found)), key=lambda at: -by_words[at])[:MAX_COMPARED]
    return tuple(found[at] for at in sorted(best))


def select(
    found: Sequence[Candidate], ranks: Sequence[float], budget: Budget, cosines: Sequence[float] | None = None
) -> tuple[Passage, ...]:
    """The best first, as many as the budget holds; the best of all in any case."""
    order = sorted(range(len(found)), key=lambda at: -ranks[at])
    order = [at for at in order if at == order[0] or ranks[at] >= budget.least_share * ranks[order[0]]]
    chosen: list[Passage] = []
    room = budget.tokens
    for at in order:
        if budget.sentences is not None and len(chosen) >= budget.sentences:
            break
        passage = found[at].passage
        tokens = estimated(f"[{len(chosen) + 1}] {passage.text}\n")
        if tokens <= room or not chosen:
            chosen.append(replace(passage, score=ranks[at], cosine=cosines[at] if cosines else None))
            room -= tokens
    return tuple(chosen)


def _candidate(passage: Passage, sentence: Sentence) -> Candidate:
    text = passage.text[sentence.start : sentence.end]
    cited = replace(passage, text=text, span=(sentence.start, sentence.end))
    return Candidate(cited, Ranked(text, sentence.heading, sentence.before))


def _squeezed(text: str) -> str:
    return " ".join(text.split())
