"""The mixture that the model learns from, and the held-out one. Endless, and the same for a seed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, TypeVar

from tools.demo_model import bank, talk, tool_calls
from tools.demo_model.contexts import REAL, Context, Contexts, Habits
from tools.demo_model.rendering import (
    END,
    QUESTION,
    QUOTE,
    QUOTE_TEXT,
    UNKNOWN,
    Piece,
    Pieces,
    Sample,
    answers,
    before_question,
    quoted,
)  # fmt: skip
from tools.demo_model.slots import Values, is_held_out

BANKS: Final = (
    "software", "operations", "places", "rules", "world", "everyday",
    "manuals", "houses", "towns", "systems", "work",
)  # fmt: skip
QUESTIONS: Final = 9  # that branch off one context
CHOICE: Final = 2.25  # weight of the number that names a sentence; no other piece has it, and the log tells it by that
COPIED: Final = 0.25  # of the quotes; of the others only the choice is learnt, since a grammar writes the rest
SHARES: Final = {
    "passages": 0.39,
    "follow_up": 0.07,
    "calls": 0.34,
    "json": 0.08,
    "talk": 0.025,
    "memory": 0.08,
    "noted": 0.015,
}

T = TypeVar("T")


@dataclass(frozen=True)
class Split:
    blocks: tuple[bank.Block, ...]
    tools: tuple[tool_calls.Tool, ...]
    records: tuple[tool_calls.Record, ...]


def splits() -> tuple[Split, Split]:
    """What is learnt from, and what is held out of it: whole blocks and whole tools, a part of so many.

    A tool that would be held out, and does the same as one that is learnt from, is in neither.
    """
    blocks, (tools, records) = bank.read(BANKS), tool_calls.read()
    kept, held = _apart(blocks, [block.sentences[0] for block in blocks])
    tools_kept, tools_held = _apart(tools, [tool.name for tool in tools])
    learnt = {tool.group for tool in tools_kept}
    tools_held = tuple(tool for tool in tools_held if tool.group not in learnt)
    records_kept, records_held = _apart(records, [record.told[0] for record in records])
    return Split(kept, tools_kept, records_kept), Split(held, tools_held, records_held)


def _apart(things: Sequence[T], names: Sequence[str]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    held = [is_held_out(name) for name in names]
    return (
        tuple(thing for thing, is_held in zip(things, held, strict=True) if not is_held),
        tuple(thing for thing, is_held in zip(things, held, strict=True) if is_held),
    )


class Mixture:
    def __init__(
        self,
        split: Split,
        seed: int,
        *,
        held_out: bool,
        habits: Habits = REAL,
        shares: Mapping[str, float] = SHARES,
    ) -> None:
        self._random = Random(seed)
        values = Values(self._random, held_out=held_out)
        intents, memories = talk.read()
        self._contexts = Contexts(split.blocks, values, self._random, habits)
        self._talk = talk.Talk(intents, memories, split.blocks, values, self._random)
        self._calls = tool_calls.ToolCalls(split.tools, split.records, values, self._random, habits.alike)
        self._shares = shares

    def __iter__(self) -> Iterator[Sample]:
        while True:
            yield self.sample(self._random.choices(list(self._shares), list(self._shares.values()))[0])

    def sample(self, kind: str) -> Sample:
        match kind:
            case "calls":
                return self._calls.calls(self._talk, 6)
            case "json":
                return self._calls.json(5)
            case "talk":
                return self._talk.talks(8)
            case "memory":
                return self._talk.memory(6)
            case "noted":
                return self._talk.noted(6)
            case "follow_up":
                context = self._contexts.follow_up(QUESTIONS)
                return self._of_context(context) if context else self.sample("passages")
            case _:
                context = self._contexts.context(QUESTIONS)
                return self._of_context(context)

    def _of_context(self, context: Context) -> Sample:
        if context.turns:
            (question, sentence), *_ = context.turns
            turn = (question, self._random.choice((quoted(self._random.randint(1, 3), sentence), sentence)))
            context = Context(context.sentences, context.asked, (turn,))
        elif self._random.random() < 0.12:
            turns = ((self._talk.question(), self._random.choice((UNKNOWN, quoted(1, self._talk.statement())))),)
            context = Context(context.sentences, context.asked, turns)
        branches = tuple(self._branch(context, asked.question, asked.answer) for asked in context.asked)
        return Sample((Piece(before_question(context)),), branches)

    def _branch(self, context: Context, question: str, answer: int | None) -> Pieces:
        asked = (Piece(QUESTION), Piece(question, 0.03), Piece(answers()))
        if answer is None:
            return (*asked, Piece(UNKNOWN, 1.0), Piece(END, 0.1))
        chosen = (*asked, Piece(QUOTE, 1.0), Piece(str(answer + 1), CHOICE))
        if self._random.random() >= COPIED:
            return chosen
        return (*chosen, Piece(QUOTE_TEXT, 0.1), Piece(f'{context.sentences[answer]}"{END}', 0.25))


def text_of(sample: Sample) -> str:
    return "".join(piece.text for pieces in (sample.prefix, *sample.branches) for piece in pieces)
