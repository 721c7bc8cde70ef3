"""Questions and answers out of arbitrary messages. Pure.

A turn starts at a user message and holds everything up to the next one:

    q   the user message
    a   what the assistant said in it, joined by a blank line where it spoke more than once; "" while it has not

System, developer and tool messages belong to the turn they stand in and are not shown. What the assistant says before
any user message is a turn with an empty q; what others say there belongs to no turn.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from llmanager.history.entities import Message


@dataclass(frozen=True)
class Turn:
    q: str
    a: str
    last_seq: int  # of its last message: the next turn is read after that

    @property
    def characters(self) -> int:
        return len(self.q) + len(self.a)


def turns(messages: Iterable[Message]) -> Iterator[Turn]:
    """Reads no further than the first message of the next turn before it yields one."""
    q: str | None = None
    answers: list[str] = []
    last_seq = 0
    for message in messages:
        if message.role == "user":
            if q is not None or answers:
                yield Turn(q or "", "\n\n".join(answers), last_seq)
            q, answers = message.content, []
        elif message.role == "assistant":
            answers.append(message.content)
        last_seq = message.seq
    if q is not None or answers:
        yield Turn(q or "", "\n\n".join(answers), last_seq)
