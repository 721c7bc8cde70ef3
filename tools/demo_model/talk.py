"""Talk without documents (bank/talk.txt): greetings, who answers, what was said before; anything else it declines."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Final

from tools.demo_model.bank import FOLDER, Block, slots
from tools.demo_model.rendering import END, MEMORY, NOTED, UNTOLD, USER, Piece, Pieces, Sample, answers, marker
from tools.demo_model.slots import Values, fill, sentence

TELLING: Final = 4  # words of a statement; two may begin with "My"


@dataclass(frozen=True)
class Intent:
    name: str
    asked: tuple[str, ...]
    answered: tuple[str, ...]


@dataclass(frozen=True)
class Memory:
    told: tuple[str, ...]
    asked: tuple[str, ...]

    @cached_property
    def all_slots(self) -> frozenset[str]:
        return frozenset(slot for text in (*self.told, *self.asked) for slot in slots(text))


def read() -> tuple[tuple[Intent, ...], tuple[Memory, ...]]:
    intents, memories = [], []
    for block in (FOLDER / "talk.txt").read_text("utf-8").split("\n\n"):
        lines: dict[str, list[str]] = {}
        for line in block.splitlines():
            mark, _, rest = line.partition(" ")
            lines.setdefault(mark, []).append(rest.strip())
        if "I:" in lines:
            intents.append(Intent(lines["I:"][0], tuple(lines["Q:"]), tuple(lines["A:"])))
        elif "M:" in lines:
            memories.append(Memory(*(tuple(lines[mark]) for mark in ("T:", "Q:"))))
    return tuple(intents), tuple(memories)


def stated(memories: Sequence[Memory], values: Values, random: Random) -> tuple[list[str], list[dict[str, str]]]:
    """A statement of each, as a user tells it, and the values in it."""
    bound = [values.bound(memory.all_slots) for memory in memories]
    return [sentence(random.choice(memory.told), of) for memory, of in zip(memories, bound, strict=True)], bound


class Talk:
    """`blocks`: whose questions stand for those that nobody can answer without documents."""

    def __init__(
        self,
        intents: Sequence[Intent],
        memories: Sequence[Memory],
        blocks: Sequence[Block],
        values: Values,
        random: Random,
    ) -> None:
        self._intents, self._memories, self._blocks = intents, memories, blocks
        self._values, self._random = values, random
        self._unknown = next(intent for intent in intents if "knowledge" in intent.name)
        self._intent = intents[0]

    def question(self) -> str:
        """Of an intent, which `answer_pieces` then answers; of three one is about the world."""
        self._intent = self._unknown if self._random.random() < 0.35 else self._random.choice(self._intents)
        if self._intent is self._unknown and self._random.random() < 0.6:
            return self.of_world()
        return self._filled(self._random.choice(self._intent.asked))

    def of_world(self) -> str:
        """A question that only documents answer."""
        self._intent = self._unknown
        return self._filled(self._random.choice(self._random.choice(self._blocks).questions))

    def declined(self) -> Pieces:
        """The answer to what it cannot do."""
        self._intent = self._unknown
        return self.answer_pieces()

    def answer_pieces(self) -> Pieces:
        answer = self._filled(self._random.choice(self._intent.answered))
        first, _, rest = answer.partition(" ")
        return (Piece(first, 0.6), Piece(f" {rest}{END}", 0.3))

    def statement(self) -> str:
        block = self._random.choice(self._blocks)
        return self._filled(min(block.sentences, key=len))

    def talks(self, branches: int) -> Sample:
        made = tuple(_said(self.question(), *self.answer_pieces()) for _ in range(branches))
        return Sample((Piece(USER),), made)

    def memory(self, branches: int) -> Sample:
        """Several things are told, then asked for; now and then one that was not told, or another is told."""
        told = self._random.sample(list(self._memories), self._random.choice((1, 2, 2, 3)))
        statements, values = stated(told, self._values, self._random)
        turns: list[str] = []
        for statement in statements:
            turns.append(f"{statement}{answers()}{NOTED}")
            if self._random.random() < 0.25:
                turns.append(f"{self.question()}{answers()}{_text(self.answer_pieces()).removesuffix(END)}")
        prefix = "".join(f"{USER}{marker(place)}{turn}{END}\n" for place, turn in enumerate(turns))
        made: list[Pieces] = []
        for _ in range(branches):
            draw, which = self._random.random(), self._random.randrange(len(told))
            other = self._random.choice([memory for memory in self._memories if memory not in told])
            if draw < 0.5:
                question = fill(self._random.choice(told[which].asked), values[which])
                made.append(_said(question, *_remembered(statements[which])))
            elif draw < 0.75:
                made.append(_said(self._filled(self._random.choice(other.asked)), Piece(UNTOLD + END, 1.0)))
            elif draw < 0.88:
                made.append(self._noted(other))
            else:
                made.append(_said(self.question(), *self.answer_pieces()))
        return Sample((Piece(f"{prefix}{USER}"),), tuple(made))

    def noted(self, branches: int) -> Sample:
        return Sample((Piece(USER),), tuple(self._noted(self._random.choice(self._memories)) for _ in range(branches)))

    def _noted(self, memory: Memory) -> Pieces:
        (told,), _ = stated([memory], self._values, self._random)
        return _said(told, Piece(f"{NOTED}{END}", 1.0))

    def _filled(self, text: str) -> str:
        return fill(text, self._values.bound(slots(text)))


def _said(question: str, *answer: Piece) -> Pieces:
    return (Piece(question), Piece(answers()), *answer)


def _remembered(statement: str) -> Pieces:
    """Its first words tell it from the others."""
    words = statement.split(" ")
    beginning = " ".join(words[:TELLING])
    rest = statement.removeprefix(beginning)
    return (Piece(MEMORY, 1.0), Piece(beginning, 2.0), Piece(f'{rest}"{END}', 0.5))


def _text(pieces: Pieces) -> str:
    return "".join(piece.text for piece in pieces)
