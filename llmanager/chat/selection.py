"""From the chunks that were found to the sentences that go into the prompt, the best first. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from llmanager.chat.budget import estimated
from llmanager.chat.entities import Budget, Passage, Piece
from llmanager.chat.ranking import Ranked, scores
from llmanager.chat.sentences import Sentence, is_whole, sentences

MAX_READ_CHARS: Final = 60_000  # of all passages together, from the best on
MAX_COMPARED: Final = 128  # sentences whose vectors are asked for: others share fewer words with the question
MAX_TOLD_CHARS: Final = 350  # of a sentence under its heading: small embedders take 512 tokens
NO_CHANCE_CHARS: Final = 20  # that two chunks share within a word: they were cut by length then


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
    """Every sentence once, in the passages' order. What a chunk's border has cut off makes way for the whole of it.

    That is in the chunk beside it. Headings are no sentences, but of a passage that has nothing else.
    """
    found: dict[str, Candidate] = {}
    read = _read(passages)
    by_piece = {one.passage.piece: one for one in read}
    for one in read:
        for sentence in _uncut(one, _beside(one, by_piece, -1), _beside(one, by_piece, 1)):
            candidate = _candidate(one.passage, sentence)
            found.setdefault(" ".join(candidate.passage.text.split()), candidate)
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


@dataclass(frozen=True)
class _Read:
    passage: Passage
    text: str  # as much of it as was read
    kept: tuple[Sentence, ...]


def _read(passages: Sequence[Passage]) -> list[_Read]:
    found: list[_Read] = []
    room = MAX_READ_CHARS
    for passage in passages:
        text = passage.text[:room]
        room -= len(text)
        every = sentences(text)
        kept = tuple(sentence for sentence in every if not sentence.is_heading) or every
        if kept:
            found.append(_Read(passage, text, kept))
    return found


def _beside(one: _Read, by_piece: Mapping[Piece | None, _Read], step: int) -> _Read | None:
    piece = one.passage.piece
    return by_piece.get(replace(piece, number=piece.number + step)) if piece else None


def _uncut(one: _Read, before: _Read | None, after: _Read | None) -> tuple[Sentence, ...]:
    """Without a first sentence that is the end of one in the chunk before, and a last that is the beginning of one."""
    kept = one.kept
    if before and _ends_one_of(before, one):
        kept = kept[1:]
    if after and kept and _begins_one_of(after, one):
        kept = kept[:-1]
    return kept


def _ends_one_of(before: _Read, one: _Read) -> bool:
    shared, first = _shared(before.text, one.text), one.kept[0]
    start, end = (at + len(before.text) - shared for at in (first.start, first.end))
    return shared > 0 and any(whole.start < start and whole.end == end for whole in before.kept)


def _begins_one_of(after: _Read, one: _Read) -> bool:
    shared, last = _shared(one.text, after.text), one.kept[-1]
    start, end = (at - len(one.text) + shared for at in (last.start, last.end))
    if not shared or is_whole(one.text[last.start : last.end]):
        return False
    # Where nothing stands before it that both have, it may as well be another one with the same first words.
    return any(whole.start == start and whole.end > end for whole in after.kept[1:])


def _shared(before: str, after: str) -> int:
    """Characters of a chunk's end that the next one begins with; of neither all. A few within a word may be chance."""
    at = before.find(after[0], 1)
    while at > 0:
        length = len(before) - at
        is_safe = length >= NO_CHANCE_CHARS or not (before[at - 1].isalnum() and after[0].isalnum())
        if is_safe and length < len(after) and after.startswith(before[at:]):
            return length
        at = before.find(after[0], at + 1)
    return 0


def _candidate(passage: Passage, sentence: Sentence) -> Candidate:
    text = passage.text[sentence.start : sentence.end]
    cited = replace(passage, text=text, span=(sentence.start, sentence.end))
    return Candidate(cited, Ranked(text, sentence.heading, sentence.before))
