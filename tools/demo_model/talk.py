"""Talk without documents (bank/talk.txt): greetings, who answers, what was said before; anything else it declines."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from tools.demo_model.bank import FOLDER, Block, slots
from tools.demo_model.rendering import END, USER, Piece, Pieces, Sample, answers
from tools.demo_model.slots import Values, fill, sentence

MEMORY: Final = 'You said: "'
NOTED: Final = "I will keep that in mind."
UNTOLD: Final = "You have not told me that."
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
        made = tuple((Piece(self.question()), Piece(answers()), *self.answer_pieces()) for _ in range(branches))
        return Sample((Piece(USER),), made)

    def memory(self, branches: int) -> Sample:
        """Several things are told, then asked for; now and then one that was not told."""
        told = self._random.sample(list(self._memories), self._random.choice((1, 2, 2, 3)))
        values = [self._values.bound(_slots(memory)) for memory in told]
        statements = [sentence(self._random.choice(memory.told), v) for memory, v in zip(told, values, strict=True)]
        prefix: list[Piece] = []
        for statement in statements:
            prefix += [Piece(statement), Piece(answers()), Piece(f"{NOTED}{END}", 0.3), Piece(f"\n{USER}")]
            if self._random.random() < 0.25:
                prefix += [Piece(self.question()), Piece(answers()), *self.answer_pieces(), Piece(f"\n{USER}")]
        made: list[Pieces] = []
        answer: Pieces
        for _ in range(branches):
            which = self._random.randrange(len(told))
            if self._random.random() < 0.65:
                question = fill(self._random.choice(told[which].asked), values[which])
                beginning, rest = _begun(statements[which])
                answer = (Piece(MEMORY, 1.0), Piece(beginning, 2.0), Piece(f'{rest}"{END}', 0.5))
            else:
                other = self._random.choice([memory for memory in self._memories if memory not in told])
                question, answer = self._filled(self._random.choice(other.asked)), (Piece(UNTOLD + END, 1.0),)
            made.append((Piece(question), Piece(answers()), *answer))
        return Sample((Piece(USER), *prefix), tuple(made))

    def noted(self, branches: int) -> Sample:
        made = []
        for _ in range(branches):
            memory = self._random.choice(self._memories)
            known = self._values.bound(_slots(memory))
            told = sentence(self._random.choice(memory.told), known)
            made.append((Piece(told), Piece(answers()), Piece(f"{NOTED}{END}", 0.3)))
        return Sample((Piece(USER),), tuple(made))

    def _filled(self, text: str) -> str:
        return fill(text, self._values.bound(slots(text)))


def _begun(statement: str) -> tuple[str, str]:
    """Its first words, which tell it from the others, and the rest."""
    words = statement.split(" ")
    beginning = " ".join(words[:TELLING])
    return beginning, statement.removeprefix(beginning)


def _slots(memory: Memory) -> frozenset[str]:
    return frozenset(slot for text in (*memory.told, *memory.asked) for slot in slots(text))
